// CertificateClient: every method, for certificates of RSA, RSA-HSM, EC and EC-HSM keys (an oct key has none).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate, createHash, createPrivateKey, randomBytes, verify } from "node:crypto";
import { fileURLToPath } from "node:url";

import { CertificateClient } from "@azure/keyvault-certificates";
import { CryptographyClient, KeyClient } from "@azure/keyvault-keys";
import { SecretClient } from "@azure/keyvault-secrets";

import { VERSION, all, credential, eventually, freshName, prove, quick, refused, step, vaultUrl, watched } from "./proving.mjs";

const DAY = 24 * 3600 * 1000;
const PFX = "application/x-pkcs12";
const PEM = "application/x-pem-file";
// Keys of an HSM never leave it.
const KINDS = {
  RSA: { keyType: "RSA", keySize: 2048 },
  "RSA-HSM": { keyType: "RSA-HSM", keySize: 3072, exportable: false },
  EC: { keyType: "EC", keyCurveName: "P-256" },
  "EC-HSM": { keyType: "EC-HSM", keyCurveName: "P-384", exportable: false },
};

const certificates = watched(new CertificateClient(vaultUrl, credential));
const keys = new KeyClient(vaultUrl, credential);
const secrets = new SecretClient(vaultUrl, credential);

// X.509 that Node cannot make.
function throwaway(asked) {
  const program = fileURLToPath(new URL("throwaway.py", import.meta.url));
  return JSON.parse(execFileSync(process.env.PYTHON, [program], { input: JSON.stringify(asked) }));
}

const selfPolicy = (more) => ({ issuerName: "Self", subject: "CN=self.example", ...more });
const manualPolicy = (more) => ({ issuerName: "Unknown", subject: "CN=manual.example", ...more });

async function makeSelf(name = freshName(), policy = {}, options = {}) {
  const poller = await certificates.beginCreateCertificate(name, selfPolicy(policy), { ...quick, ...options });
  return poller.pollUntilDone();
}

// A request that waits for a signature.
async function startManual(name = freshName(), policy = {}) {
  await certificates.beginCreateCertificate(name, manualPolicy(policy), quick);
  return name;
}

const operationOf = async (name) => (await certificates.getCertificateOperation(name, quick)).getOperationState().certificateOperation;

async function signedChain(name) {
  let csr; // made in the background: on a slow machine a moment later
  await eventually(async () => (csr = (await operationOf(name)).csr));
  return throwaway({ do: "sign", csr: Buffer.from(csr).toString("base64") }).chain.map((item) => Buffer.from(item, "base64"));
}

const remove = async (name) => (await certificates.beginDeleteCertificate(name, quick)).pollUntilDone();

async function purge(name) {
  await remove(name);
  await certificates.purgeDeletedCertificate(name);
  await eventually(() => certificates.getDeletedCertificate(name).then(() => false, (error) => error.statusCode === 404));
}

function assertNamedAlike(certificate) {
  const { name, version } = certificate.properties;
  assert.match(version, VERSION);
  assert.equal(certificate.properties.id, `${vaultUrl}/certificates/${name}/${version}`);
  assert.equal(certificate.keyId, `${vaultUrl}/keys/${name}/${version}`);
  assert.equal(certificate.secretId, `${vaultUrl}/secrets/${name}/${version}`);
}

function assertThumbprint(certificate) {
  const sha1 = createHash("sha1").update(certificate.cer).digest();
  assert.deepEqual(Buffer.from(certificate.properties.x509Thumbprint), sha1);
  assert.equal(certificate.properties.x509ThumbprintString, sha1.toString("hex"));
}

// The vault's key is the one that the certificate certifies.
async function assertKeySignsFor(certificate) {
  const x509 = new X509Certificate(certificate.cer);
  const data = randomBytes(40);
  const algorithm = x509.publicKey.asymmetricKeyType === "rsa" ? "RS256" : x509.publicKey.asymmetricKeyDetails.namedCurve === "secp384r1" ? "ES384" : "ES256";
  const { result } = await new CryptographyClient(certificate.keyId, credential).signData(algorithm, data);
  assert.ok(verify(`sha${algorithm.slice(2)}`, data, { key: x509.publicKey, dsaEncoding: "ieee-p1363" }, result));
}

// --- making -----------------------------------------------------------------------------------------------------

for (const [type, kind] of Object.entries(KINDS)) {
  step("CertificateClient.beginCreateCertificate", `${type}, self-signed, with its key`, async () => {
    const name = freshName();
    const made = await makeSelf(name, kind, { tags: { of: type } });
    assert.equal(made.name, name);
    assertNamedAlike(made);
    assertThumbprint(made);
    assert.deepEqual(made.properties.tags, { of: type });
    assert.equal(made.properties.enabled, true);
    const x509 = new X509Certificate(made.cer);
    assert.equal(x509.subject, "CN=self.example");
    assert.equal(x509.issuer, "CN=self.example");
    assert.ok(x509.verify(x509.publicKey));
    assert.deepEqual(made.properties.expiresOn, new Date(x509.validTo));
    assert.deepEqual(made.properties.notBefore, new Date(x509.validFrom));
    assert.equal(made.policy.keyType, type);
    await assertKeySignsFor(made);
    const key = await keys.getKey(name);
    assert.equal(key.keyType, type);
    assert.equal(key.properties.managed, true);
  });
  step("CertificateClient.mergeCertificate", `${type}, signed by an authority of one's own`, async () => {
    const name = await startManual(freshName(), kind);
    const [leaf, authority] = await signedChain(name);
    const merged = await certificates.mergeCertificate(name, [leaf, authority], { tags: { a: "1" } });
    assert.deepEqual(Buffer.from(merged.cer), leaf);
    assertNamedAlike(merged);
    assert.ok(new X509Certificate(merged.cer).verify(new X509Certificate(authority).publicKey));
    await assertKeySignsFor(merged);
    assert.equal((await operationOf(name)).status, "completed");
    assert.deepEqual(Buffer.from((await certificates.getCertificate(name)).cer), leaf);
  });
}

step("CertificateClient.beginCreateCertificate", "with the policy that it was given", async () => {
  const subjectAlternativeNames = { dnsNames: ["a.example", "b.example"], emails: ["post@a.example"] };
  const policy = {
    subjectAlternativeNames,
    contentType: PEM,
    keyUsage: ["digitalSignature", "keyAgreement"],
    enhancedKeyUsage: ["1.3.6.1.5.5.7.3.1"],
    validityInMonths: 3,
    lifetimeActions: [{ action: "AutoRenew", lifetimePercentage: 70 }],
    ...KINDS.EC,
  };
  const made = await makeSelf(freshName(), policy);
  const x509 = new X509Certificate(made.cer);
  for (const host of subjectAlternativeNames.dnsNames) assert.equal(x509.checkHost(host), host);
  assert.equal(x509.checkEmail("post@a.example"), "post@a.example");
  assert.deepEqual(x509.keyUsage, ["1.3.6.1.5.5.7.3.1"]); // what Node calls so is the extended usage
  const days = (new Date(x509.validTo) - new Date(x509.validFrom)) / DAY;
  assert.ok(days > 88 && days < 94, String(days));
  assert.deepEqual(made.policy.subjectAlternativeNames, subjectAlternativeNames);
  assert.deepEqual([...made.policy.keyUsage].sort(), ["digitalSignature", "keyAgreement"]);
  assert.deepEqual(made.policy.lifetimeActions, [{ action: "AutoRenew", daysBeforeExpiry: undefined, lifetimePercentage: 70 }]);
});

step("CertificateClient.beginCreateCertificate", "for addresses alone, without a subject", async () => {
  const made = await makeSelf(freshName(), { subject: undefined, subjectAlternativeNames: { ipAddresses: ["192.0.2.7", "2001:db8::7"] } });
  const x509 = new X509Certificate(made.cer);
  assert.ok(x509.checkIP("192.0.2.7") && x509.checkIP("2001:db8::7"));
  assert.deepEqual(Object.keys(made.policy.subjectAlternativeNames), ["ipAddresses"]);
});

step("CertificateClient.beginCreateCertificate", "its secret holds the key, as PFX and as PEM", async () => {
  const pfx = await makeSelf(freshName(), { contentType: PFX });
  const secret = await secrets.getSecret(pfx.name);
  assert.equal(secret.properties.contentType, PFX);
  const opened = throwaway({ do: "open", pfx: secret.value });
  assert.equal(opened.cer, Buffer.from(pfx.cer).toString("base64"));
  assert.ok(new X509Certificate(pfx.cer).checkPrivateKey(createPrivateKey(opened.key)));
  const pem = await makeSelf(freshName(), { contentType: PEM });
  const { value } = await secrets.getSecret(pem.name);
  assert.ok(new X509Certificate(value).checkPrivateKey(createPrivateKey(value)));
  const kept = await makeSelf(freshName(), { contentType: PEM, exportable: false });
  assert.equal((await secrets.getSecret(kept.name)).value.includes("PRIVATE KEY"), false);
});

step("CertificateClient.mergeCertificate", "also as text, but not for another key", async () => {
  const name = await startManual();
  const [leaf] = await signedChain(name);
  const [foreign] = await signedChain(await startManual());
  await refused(certificates.mergeCertificate(name, [foreign]), 400);
  const merged = await certificates.mergeCertificate(name, [Buffer.from(leaf.toString("base64"))]);
  assert.deepEqual(Buffer.from(merged.cer), leaf);
});

for (const kind of ["RSA", "EC"]) {
  step("CertificateClient.importCertificate", `${kind}, PFX with a password`, async () => {
    const [subject, password] = ["import.example", "pässword"];
    const outside = throwaway({ do: "make", kind, subject, password });
    const bytes = Buffer.from(outside.pfx, "base64");
    const name = freshName();
    await refused(certificates.importCertificate(freshName(), bytes, { password: "wrong" }), 400);
    const made = await certificates.importCertificate(name, bytes, { password, tags: { from: "outside" } });
    await assertImported(made, outside);
    assert.deepEqual(made.properties.tags, { from: "outside" });
    assert.equal(throwaway({ do: "open", pfx: (await secrets.getSecret(name)).value }).cer, outside.cer);
  });
  step("CertificateClient.importCertificate", `${kind}, PFX without a password`, async () => {
    const outside = throwaway({ do: "make", kind, subject: "import.example" });
    await assertImported(await certificates.importCertificate(freshName(), Buffer.from(outside.pfx, "base64")), outside);
  });
  step("CertificateClient.importCertificate", `${kind}, PEM, which the SDK sends as it is and without its policy`, async () => {
    const outside = throwaway({ do: "make", kind, subject: "import.example" });
    const policy = { contentType: PEM, issuerName: "Unknown", subject: "CN=import.example" };
    await assertImported(await certificates.importCertificate(freshName(), Buffer.from(outside.pem), { policy }), outside);
  });
}

async function assertImported(made, outside) {
  assert.equal(Buffer.from(made.cer).toString("base64"), outside.cer);
  assertNamedAlike(made);
  assertThumbprint(made);
  assert.equal(made.policy.issuerName, "Unknown");
  assert.equal(made.policy.subject, "CN=import.example");
  await assertKeySignsFor(made);
}

// --- operations -------------------------------------------------------------------------------------------------

step("CertificateClient.getCertificateOperation", "a completed one", async () => {
  const made = await makeSelf();
  const poller = await certificates.getCertificateOperation(made.name, quick);
  assert.ok(poller.isDone());
  const operation = poller.getOperationState().certificateOperation;
  assert.equal(operation.status, "completed");
  assert.equal(operation.id, `${vaultUrl}/certificates/${made.name}/pending`);
  assert.equal(operation.target, `${vaultUrl}/certificates/${made.name}`);
  assert.equal(operation.issuerName, "Self");
  assert.match(operation.requestId, VERSION);
  assert.ok(operation.csr.length > 100);
  assert.deepEqual((await poller.pollUntilDone()).cer, made.cer);
});

step("CertificateClient.getCertificateOperation", "one that waits, and is cancelled", async () => {
  const name = await startManual();
  const waiting = await certificates.getCertificate(name);
  assert.equal(waiting.properties.enabled, false);
  assert.equal(waiting.cer, undefined);
  const poller = await certificates.getCertificateOperation(name, quick);
  assert.equal(poller.isDone(), false);
  assert.equal(poller.getOperationState().certificateOperation.status, "inProgress");
  await refused(certificates.beginCreateCertificate(name, manualPolicy(), quick), 409, "Forbidden");
  await poller.cancelOperation();
  assert.equal((await operationOf(name)).cancellationRequested, true);
});

step("CertificateClient.deleteCertificateOperation", "is gone, and the certificate stays", async () => {
  const made = await makeSelf();
  await startManual(made.name);
  const removed = await certificates.deleteCertificateOperation(made.name);
  assert.equal(removed.id, `${vaultUrl}/certificates/${made.name}/pending`);
  assert.equal(removed.issuerName, "Unknown");
  await refused(certificates.getCertificateOperation(made.name, quick), 404, "PendingCertificateNotFound");
  await refused(certificates.deleteCertificateOperation(made.name), 404, "PendingCertificateNotFound");
  assert.deepEqual((await certificates.getCertificate(made.name)).cer, made.cer);
});

// --- reading and changing ---------------------------------------------------------------------------------------

step("CertificateClient.getCertificate", "the newest, with its policy, and no missing one", async () => {
  const name = freshName();
  await makeSelf(name);
  const newer = await makeSelf(name);
  const found = await certificates.getCertificate(name);
  assert.equal(found.properties.id, newer.properties.id);
  assert.deepEqual(found.cer, newer.cer);
  assert.equal(found.policy.issuerName, "Self");
  await refused(certificates.getCertificate(freshName()), 404, "CertificateNotFound");
});

step("CertificateClient.getCertificateVersion", "an older one", async () => {
  const older = await makeSelf();
  const newer = await makeSelf(older.name);
  const found = await certificates.getCertificateVersion(older.name, older.properties.version);
  assert.deepEqual(found.cer, older.cer);
  assert.notDeepEqual(found.cer, newer.cer);
  assertNamedAlike(found);
});

step("CertificateClient.updateCertificateProperties", "what it names and nothing else", async () => {
  const made = await makeSelf(freshName(), {}, { tags: { a: "1" } });
  const changed = await certificates.updateCertificateProperties(made.name, made.properties.version, { tags: { b: "2" } });
  assert.equal(changed.properties.id, made.properties.id);
  assert.deepEqual(changed.properties.tags, { b: "2" });
  assert.equal(changed.properties.enabled, true);
  const disabled = await certificates.updateCertificateProperties(made.name, "", { enabled: false });
  assert.equal(disabled.properties.enabled, false);
  assert.deepEqual(disabled.properties.tags, { b: "2" });
  assert.deepEqual(disabled.cer, made.cer);
});

step("CertificateClient.getCertificatePolicy", "with the defaults of omitted fields", async () => {
  const made = await makeSelf();
  const policy = await certificates.getCertificatePolicy(made.name);
  const { issuerName, subject, keyType, keySize, exportable, reuseKey, contentType, validityInMonths } = policy;
  assert.deepEqual(
    { issuerName, subject, keyType, keySize, exportable, reuseKey, contentType, validityInMonths },
    { issuerName: "Self", subject: "CN=self.example", keyType: "RSA", keySize: 2048, exportable: true, reuseKey: false, contentType: PFX, validityInMonths: 12 },
  );
  assert.deepEqual([...policy.enhancedKeyUsage].sort(), ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  assert.deepEqual([...policy.keyUsage].sort(), ["digitalSignature", "keyEncipherment"]);
  assert.deepEqual(policy.lifetimeActions, [{ action: "AutoRenew", daysBeforeExpiry: undefined, lifetimePercentage: 80 }]);
  await refused(certificates.getCertificatePolicy(freshName()), 404, "CertificateNotFound");
});

step("CertificateClient.updateCertificatePolicy", "what it names and nothing else, for the next version", async () => {
  const made = await makeSelf();
  const before = await certificates.getCertificatePolicy(made.name);
  // The SDK returns an empty policy here: what the service answered is asked for again.
  await certificates.updateCertificatePolicy(made.name, { validityInMonths: 6, subject: "CN=other.example" });
  const after = await certificates.getCertificatePolicy(made.name);
  assert.deepEqual(after, { ...before, validityInMonths: 6, subject: "CN=other.example" });
  await certificates.updateCertificatePolicy(made.name, { keyType: "EC", keyCurveName: "P-256" });
  assert.equal((await certificates.getCertificatePolicy(made.name)).keyType, "EC");
  assert.deepEqual((await certificates.getCertificate(made.name)).cer, made.cer);
});

step("CertificateClient.listPropertiesOfCertificates", "all; those that wait only when asked for", async () => {
  const made = [await makeSelf(), await makeSelf()];
  const waiting = await startManual();
  const listed = new Map((await all(certificates.listPropertiesOfCertificates())).map((item) => [item.name, item]));
  for (const certificate of made) {
    assert.equal(listed.get(certificate.name).id, `${vaultUrl}/certificates/${certificate.name}`);
    assert.deepEqual(listed.get(certificate.name).x509Thumbprint, certificate.properties.x509Thumbprint);
  }
  assert.equal(listed.has(waiting), false);
  const everything = (await all(certificates.listPropertiesOfCertificates({ includePending: true }).byPage())).flat();
  assert.ok([...made, { name: waiting }].every(({ name }) => everything.some((item) => item.name === name)));
});

step("CertificateClient.listPropertiesOfCertificateVersions", "all, and none of a missing certificate", async () => {
  const name = freshName();
  const made = [];
  for (let count = 0; count < 3; count += 1) made.push((await makeSelf(name)).properties.id);
  const listed = await all(certificates.listPropertiesOfCertificateVersions(name));
  assert.deepEqual(listed.map((item) => item.id).sort(), made.sort());
  assert.deepEqual(await all(certificates.listPropertiesOfCertificateVersions(freshName())), []);
});

// --- deleting, moving -------------------------------------------------------------------------------------------

function assertDeleted(deleted, made) {
  assert.equal(deleted.name, made.name);
  assert.equal(deleted.recoveryId, `${vaultUrl}/deletedcertificates/${made.name}`);
  assert.equal(deleted.scheduledPurgeDate - deleted.deletedOn, deleted.properties.recoverableDays * DAY);
  assert.deepEqual(deleted.cer, made.cer);
}

step("CertificateClient.beginDeleteCertificate", "is gone with its key and its secret, and its name is not free", async () => {
  const made = await makeSelf();
  assertDeleted(await remove(made.name), made);
  await refused(certificates.getCertificate(made.name), 404, "CertificateNotFound");
  await refused(keys.getKey(made.name), 404, "KeyNotFound");
  await refused(secrets.getSecret(made.name), 404, "SecretNotFound");
  await refused(certificates.beginCreateCertificate(made.name, selfPolicy(), quick), 409, "Conflict");
});

step("CertificateClient.getDeletedCertificate", "what was deleted, and what was not", async () => {
  const made = await makeSelf();
  await remove(made.name);
  const deleted = await certificates.getDeletedCertificate(made.name);
  assertDeleted(deleted, made);
  assert.equal(deleted.policy.issuerName, "Self");
  await refused(certificates.getDeletedCertificate(freshName()), 404, "CertificateNotFound");
});

step("CertificateClient.listDeletedCertificates", "all", async () => {
  const made = [await makeSelf(), await makeSelf()];
  for (const certificate of made) await remove(certificate.name);
  const listed = new Map((await all(certificates.listDeletedCertificates({ includePending: true }))).map((item) => [item.name, item]));
  for (const { name } of made) {
    assert.equal(listed.get(name).recoveryId, `${vaultUrl}/deletedcertificates/${name}`);
    assert.ok(listed.get(name).deletedOn instanceof Date);
  }
});

step("CertificateClient.beginRecoverDeletedCertificate", "with its key and its secret", async () => {
  const made = await makeSelf();
  await remove(made.name);
  await (await certificates.beginRecoverDeletedCertificate(made.name, quick)).pollUntilDone();
  const back = await certificates.getCertificate(made.name);
  assert.deepEqual(back.cer, made.cer);
  await assertKeySignsFor(back);
  assert.equal(throwaway({ do: "open", pfx: (await secrets.getSecret(made.name)).value }).cer, Buffer.from(made.cer).toString("base64"));
  await refused(certificates.getDeletedCertificate(made.name), 404, "CertificateNotFound");
});

step("CertificateClient.purgeDeletedCertificate", "frees the name", async () => {
  const made = await makeSelf();
  await purge(made.name);
  await refused(certificates.getCertificate(made.name), 404, "CertificateNotFound");
  await makeSelf(made.name);
  assert.equal((await all(certificates.listPropertiesOfCertificateVersions(made.name))).length, 1);
});

step("CertificateClient.backupCertificate", "is opaque, and of existing certificates only", async () => {
  const made = await makeSelf();
  const backup = await certificates.backupCertificate(made.name);
  assert.ok(backup instanceof Uint8Array && backup.length > 256);
  assert.equal(Buffer.from(backup).includes("PRIVATE KEY"), false);
  await refused(certificates.backupCertificate(freshName()), 404, "CertificateNotFound");
});

step("CertificateClient.restoreCertificateBackup", "all versions come back, and their keys work", async () => {
  const older = await makeSelf(freshName(), KINDS.EC);
  const newer = await makeSelf(older.name, KINDS.EC);
  const backup = await certificates.backupCertificate(older.name);
  await refused(certificates.restoreCertificateBackup(backup), 409, "Conflict");
  await purge(older.name);
  const restored = await certificates.restoreCertificateBackup(backup);
  assert.equal(restored.properties.id, newer.properties.id);
  assert.deepEqual(restored.cer, newer.cer);
  const first = await certificates.getCertificateVersion(older.name, older.properties.version);
  assert.deepEqual(first.cer, older.cer);
  await assertKeySignsFor(first);
  await assertKeySignsFor(restored);
});

// --- contacts, issuers ------------------------------------------------------------------------------------------

const CONTACTS = [
  { email: "one@example.com", name: "One", phone: "1" },
  { email: "two@example.com", name: "Two", phone: "2" },
];

step("CertificateClient.setContacts", "as written, instead of what was there", async () => {
  await certificates.setContacts([{ email: "before@example.com", name: "Before", phone: "0" }]);
  assert.deepEqual(await certificates.setContacts(CONTACTS), CONTACTS);
});

step("CertificateClient.getContacts", "as they were written", async () => {
  await certificates.setContacts(CONTACTS);
  assert.deepEqual(await certificates.getContacts(), CONTACTS);
});

step("CertificateClient.deleteContacts", "none is left", async () => {
  await certificates.setContacts(CONTACTS);
  assert.ok(Array.isArray(await certificates.deleteContacts())); // the SDK reads the removed list by a wrong name
  await refused(certificates.getContacts(), 404, "ContactsNotFound");
  await refused(certificates.deleteContacts(), 404, "ContactsNotFound");
});

const administratorContacts = [{ email: "admin@example.com", phone: "3", firstName: "Ad", lastName: "Min" }];
const ISSUER = { accountId: "account", password: "never shown", organizationId: "organisation", administratorContacts, enabled: true };

function assertIssuer(issuer, name, expected) {
  assert.equal(issuer.id, `${vaultUrl}/certificates/issuers/${name}`);
  // issuer.name is not asserted: the client reads "issuers" out of the id, with the real service too.
  assert.equal(issuer.password, undefined);
  for (const [field, value] of Object.entries(expected)) assert.deepEqual(issuer[field], value, field);
}

const { password: _never, ...SHOWN } = ISSUER;

step("CertificateClient.createIssuer", "with account and organisation, the password never shown", async () => {
  const name = freshName();
  assertIssuer(await certificates.createIssuer(name, "Test", ISSUER), name, { ...SHOWN, provider: "Test" });
});

step("CertificateClient.getIssuer", "as it was written, and no missing one", async () => {
  const name = freshName();
  await certificates.createIssuer(name, "Test", ISSUER);
  const issuer = await certificates.getIssuer(name);
  assertIssuer(issuer, name, { ...SHOWN, provider: "Test" });
  assert.ok(issuer.createdOn instanceof Date && issuer.updatedOn instanceof Date);
  await refused(certificates.getIssuer(freshName()), 404, "CertificateIssuerNotFound");
});

step("CertificateClient.updateIssuer", "what it names and nothing else", async () => {
  const name = freshName();
  await certificates.createIssuer(name, "Test", ISSUER);
  const changed = await certificates.updateIssuer(name, { accountId: "another" });
  assertIssuer(changed, name, { ...SHOWN, accountId: "another", provider: "Test" });
  assertIssuer(await certificates.getIssuer(name), name, { ...SHOWN, accountId: "another", provider: "Test" });
});

step("CertificateClient.listPropertiesOfIssuers", "all, with their providers", async () => {
  const name = freshName();
  await certificates.createIssuer(name, "Test", ISSUER);
  const listed = await all(certificates.listPropertiesOfIssuers());
  assert.equal(listed.find((item) => item.id === `${vaultUrl}/certificates/issuers/${name}`).provider, "Test");
});

step("CertificateClient.deleteIssuer", "is gone", async () => {
  const name = freshName();
  await certificates.createIssuer(name, "Test", ISSUER);
  assertIssuer(await certificates.deleteIssuer(name), name, { ...SHOWN, provider: "Test" });
  await refused(certificates.getIssuer(name), 404, "CertificateIssuerNotFound");
});

await prove([CertificateClient], []);
