// KeyClient and CryptographyClient: every method, for RSA, RSA-HSM, EC, EC-HSM and oct-HSM keys.
import assert from "node:assert/strict";
import * as crypto from "node:crypto";

import { CryptographyClient, KeyClient } from "@azure/keyvault-keys";

import { VERSION, all, credential, eventually, freshName, prove, quick, refused, step, vaultUrl, watched } from "./proving.mjs";

const INTERNAL = [
  "KeyClient.disambiguateUpdateKeyPropertiesArgs",
  ...["initializeIV", "disambiguateEncryptArguments", "disambiguateDecryptArguments", "getKeyMaterial", "fetchKey", "getProvider", "ensureValid"].map(
    (name) => `CryptographyClient.${name}`,
  ),
];
const CURVES = { "P-256": "ES256", "P-256K": "ES256K", "P-384": "ES384", "P-521": "ES512" };
const NODE_CURVES = { "P-256": "prime256v1", "P-256K": "secp256k1", "P-384": "secp384r1", "P-521": "secp521r1" };
const RSA_SIGNATURES = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const PROTECTIONS = [false, true];
const RSA_OPERATIONS = ["decrypt", "encrypt", "sign", "unwrapKey", "verify", "wrapKey"];
const OCT_OPERATIONS = ["decrypt", "encrypt", "unwrapKey", "wrapKey"];
const DEFAULT_OPERATIONS = { RSA: RSA_OPERATIONS, "RSA-HSM": RSA_OPERATIONS, EC: ["sign", "verify"], "EC-HSM": ["sign", "verify"], "oct-HSM": OCT_OPERATIONS };
const DAY = 24 * 3600 * 1000;

const keys = watched(new KeyClient(vaultUrl, credential));
const using = (key) => watched(new CryptographyClient(key, credential));

// A client that may not compute locally, as after a 403 for keys/get: everything goes to the vault.
function remote(id) {
  const client = new CryptographyClient(id, credential);
  client.key = { kind: "remoteOnlyIdentifier", value: id };
  return watched(client);
}

const kty = (family, hsm) => (hsm ? `${family}-HSM` : family);
const makeRsa = (options) => keys.createRsaKey(freshName(), options);
const makeEc = (options) => keys.createEcKey(freshName(), options);
const makeOct = (options) => keys.createOctKey(freshName(), { hsm: true, keySize: 256, ...options });
// A service names no default size for oct keys.
const sized = (type) => (type === "oct-HSM" ? { keySize: 256 } : {});
const hashOf = (algorithm) => (algorithm === "ES256K" ? "sha256" : `sha${algorithm.slice(2)}`);
const digestFor = (algorithm, data) => crypto.createHash(hashOf(algorithm)).update(data).digest();
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64url"));
const text = (value) => Buffer.from(value).toString("base64url");
const toSecond = (moment) => new Date(Math.floor(moment / 1000) * 1000);

// OpenSSL's view of a key's public half.
function publicKey(key) {
  const { n, e, x, y, crv } = key.key;
  const jwk = n ? { kty: "RSA", n: text(n), e: text(e) } : { kty: "EC", crv: crv === "P-256K" ? "secp256k1" : crv, x: text(x), y: text(y) };
  return crypto.createPublicKey({ key: jwk, format: "jwk" });
}

function opensslVerifies(key, algorithm, data, signature) {
  const how = { key: publicKey(key), dsaEncoding: "ieee-p1363" };
  if (algorithm.startsWith("PS")) Object.assign(how, { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST });
  return crypto.verify(hashOf(algorithm), data, how, signature);
}

// A private key made here, as the SDK's JsonWebKey.
function privateJwk(keyPair) {
  const jwk = keyPair.privateKey.export({ format: "jwk" });
  const parts = ["n", "e", "d", "p", "q", "dp", "dq", "qi", "x", "y"].filter((name) => jwk[name]);
  const crv = jwk.crv === "secp256k1" ? "P-256K" : jwk.crv;
  return { kty: jwk.kty, ...(crv && { crv }), ...Object.fromEntries(parts.map((name) => [name, bytes(jwk[name])])) };
}

async function purge(name) {
  await (await keys.beginDeleteKey(name, quick)).pollUntilDone();
  await keys.purgeDeletedKey(name);
  await eventually(() => keys.getDeletedKey(name).then(() => false, (error) => error.statusCode === 404));
}

// One key of each type, in the steps that treat all types alike.
const EVERY_TYPE = {
  RSA: () => makeRsa(),
  "RSA-HSM": () => makeRsa({ hsm: true }),
  EC: () => makeEc(),
  "EC-HSM": () => makeEc({ hsm: true }),
  "oct-HSM": () => makeOct(),
};

// --- making -----------------------------------------------------------------------------------------------------

for (const type of Object.keys(EVERY_TYPE)) {
  step("KeyClient.createKey", `${type}, with dates and tags`, async () => {
    const name = freshName();
    const [notBefore, expiresOn] = [toSecond(Date.now() - DAY), toSecond(Date.now() + 365 * DAY)];
    const key = await keys.createKey(name, type, { ...sized(type), notBefore, expiresOn, enabled: true, tags: { of: type } });
    assert.equal(key.name, name);
    assert.equal(key.keyType, type);
    assert.match(key.properties.version, VERSION);
    assert.equal(key.id, `${vaultUrl}/keys/${name}/${key.properties.version}`);
    assert.equal(key.properties.vaultUrl, vaultUrl);
    assert.deepEqual([...key.keyOperations].sort(), DEFAULT_OPERATIONS[type]);
    assert.deepEqual(key.properties.notBefore, notBefore);
    assert.deepEqual(key.properties.expiresOn, expiresOn);
    assert.deepEqual(key.properties.tags, { of: type });
    assert.equal(key.properties.enabled, true);
    assert.ok(key.properties.createdOn instanceof Date && key.properties.updatedOn instanceof Date);
    assert.ok(key.properties.recoverableDays >= 7 && key.properties.recoveryLevel);
    for (const secret of ["d", "p", "q", "dp", "dq", "qi", "k"]) assert.equal(key.key[secret], undefined);
  });
  step("KeyClient.createKey", `${type}, with chosen operations, disabled`, async () => {
    const keyOps = DEFAULT_OPERATIONS[type].slice(0, 1);
    const key = await keys.createKey(freshName(), type, { ...sized(type), keyOps, enabled: false });
    assert.deepEqual(key.keyOperations, keyOps);
    assert.equal(key.properties.enabled, false);
  });
}

for (const hsm of PROTECTIONS) {
  // Every size is made in the Python suite: to make one takes the HSM seconds.
  step("KeyClient.createRsaKey", `${kty("RSA", hsm)}, of a chosen size`, async () => {
    const key = await makeRsa({ hsm, keySize: 3072 });
    assert.equal(key.keyType, kty("RSA", hsm));
    assert.equal(key.key.n.length, 384);
    assert.equal(text(key.key.e), "AQAB");
  });
  step("KeyClient.createEcKey", `${kty("EC", hsm)}, every curve`, async () => {
    for (const [curve, width] of Object.entries({ "P-256": 32, "P-256K": 32, "P-384": 48, "P-521": 66 })) {
      const key = await makeEc({ hsm, curve });
      assert.equal(key.keyType, kty("EC", hsm));
      assert.equal(key.key.crv, curve);
      assert.deepEqual([key.key.x.length, key.key.y.length], [width, width]);
    }
  });
}

step("KeyClient.createOctKey", "oct-HSM, every size", async () => {
  for (const keySize of [128, 192, 256]) {
    const key = await makeOct({ keySize });
    assert.equal(key.keyType, "oct-HSM");
    assert.equal(key.key.k, undefined);
    const { result } = await remote(key.id).wrapKey(`A${keySize}KW`, Buffer.alloc(32, 7));
    assert.equal(result.length, 40);
  }
});

for (const hardwareProtected of PROTECTIONS) {
  step("KeyClient.importKey", `${kty("RSA", hardwareProtected)}, and it signs as the key it was`, async () => {
    const pair = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
    const key = await keys.importKey(freshName(), privateJwk(pair), { hardwareProtected, tags: { from: "outside" } });
    assert.equal(key.keyType, kty("RSA", hardwareProtected));
    assert.deepEqual(key.properties.tags, { from: "outside" });
    assert.equal(key.key.d, undefined);
    const data = crypto.randomBytes(99);
    const { result } = await using(key).sign("PS256", digestFor("PS256", data));
    assert.ok(opensslVerifies(key, "PS256", data, result));
    assert.equal(text(key.key.n), pair.publicKey.export({ format: "jwk" }).n);
  });
  step("KeyClient.importKey", `${kty("EC", hardwareProtected)}, every curve, and it signs as the key it was`, async () => {
    for (const [curve, algorithm] of Object.entries(CURVES)) {
      const pair = crypto.generateKeyPairSync("ec", { namedCurve: NODE_CURVES[curve] });
      const key = await keys.importKey(freshName(), privateJwk(pair), { hardwareProtected });
      assert.equal(key.keyType, kty("EC", hardwareProtected));
      assert.equal(key.key.crv, curve);
      const data = crypto.randomBytes(99);
      const { result } = await using(key).sign(algorithm, digestFor(algorithm, data));
      assert.ok(crypto.verify(hashOf(algorithm), data, { key: pair.publicKey, dsaEncoding: "ieee-p1363" }, result));
    }
  });
}

step("KeyClient.importKey", "oct-HSM, and OpenSSL opens what it encrypts", async () => {
  const k = crypto.randomBytes(32);
  const key = await keys.importKey(freshName(), { kty: "oct-HSM", k }, { hardwareProtected: true });
  assert.equal(key.keyType, "oct-HSM");
  assert.equal(key.key.k, undefined);
  const [plaintext, additionalAuthenticatedData] = [crypto.randomBytes(50), Buffer.from("context")];
  const sealed = await remote(key.id).encrypt({ algorithm: "A256GCM", plaintext, additionalAuthenticatedData });
  const opener = crypto.createDecipheriv("aes-256-gcm", k, sealed.iv);
  opener.setAAD(additionalAuthenticatedData).setAuthTag(sealed.authenticationTag);
  assert.deepEqual(Buffer.concat([opener.update(sealed.result), opener.final()]), plaintext);
});

// --- reading and changing ---------------------------------------------------------------------------------------

for (const [type, make] of Object.entries(EVERY_TYPE)) {
  step("KeyClient.getKey", `${type}, the newest and a version`, async () => {
    const made = await make();
    const newer = await keys.createKey(made.name, type, sized(type));
    assert.equal((await keys.getKey(made.name)).id, newer.id);
    const older = await keys.getKey(made.name, { version: made.properties.version });
    assert.deepEqual(older.key, made.key);
    assert.deepEqual(older.properties, made.properties);
  });
  step("KeyClient.updateKeyProperties", `${type}, with and without a version`, async () => {
    const made = await make();
    const expiresOn = toSecond(Date.now() + 30 * DAY);
    const changed = await keys.updateKeyProperties(made.name, made.properties.version, { expiresOn, tags: { a: "1" } });
    assert.deepEqual(changed.properties.expiresOn, expiresOn);
    assert.deepEqual(changed.properties.tags, { a: "1" });
    assert.deepEqual([...changed.keyOperations].sort(), DEFAULT_OPERATIONS[type]);
    const keyOps = DEFAULT_OPERATIONS[type].slice(0, 1);
    const again = await keys.updateKeyProperties(made.name, { keyOps, enabled: false });
    assert.equal(again.id, made.id);
    assert.equal(again.properties.enabled, false);
    assert.deepEqual(again.keyOperations, keyOps);
    assert.deepEqual(again.properties.tags, { a: "1" });
    assert.deepEqual(again.properties.expiresOn, expiresOn);
  });
  step("KeyClient.rotateKey", `${type} becomes a new key of the same kind`, async () => {
    const made = await make();
    const rotated = await keys.rotateKey(made.name);
    assert.notEqual(rotated.properties.version, made.properties.version);
    assert.equal(rotated.keyType, type);
    assert.deepEqual(rotated.keyOperations, made.keyOperations);
    if (type !== "oct-HSM") assert.notDeepEqual(rotated.key.n ?? rotated.key.x, made.key.n ?? made.key.x);
    assert.equal((await keys.getKey(made.name)).id, rotated.id);
  });
}

step("KeyClient.getKey", "a missing key is KeyNotFound", () => refused(keys.getKey(freshName()), 404, "KeyNotFound"));

step("KeyClient.getKeyAttestation", "a statement about an HSM-protected key, and none about another", async () => {
  const key = await makeEc({ hsm: true });
  for (const options of [{ version: key.properties.version }, {}]) {
    const { properties } = await keys.getKeyAttestation(key.name, options);
    assert.equal(properties.version, key.properties.version);
    assert.match(Buffer.from(properties.attestation.certificatePemFile).toString(), /^-----BEGIN CERTIFICATE-----/);
    assert.ok(properties.attestation.privateKeyAttestation.length > 500);
  }
  const soft = await makeEc();
  await refused(keys.getKeyAttestation(soft.name), 400, "BadParameter");
});

step("KeyClient.releaseKey", "to an attested environment, and to nobody else", async () => {
  const policy = { encodedPolicy: Buffer.from(process.env.RELEASE_POLICY) };
  const name = freshName();
  const key = await keys.createRsaKey(name, { hsm: true, exportable: true, releasePolicy: policy });
  for (const options of [{ version: key.properties.version }, {}]) {
    const { value } = await keys.releaseKey(name, process.env.RELEASE_TOKEN, options);
    console.log(`released ${name} ${value}`);
  }
  await refused(keys.releaseKey(name, "not-a-token"), 403);
});

step("KeyClient.getCryptographyClient", "of a version, and of the newest", async () => {
  const made = await makeEc();
  const data = crypto.randomBytes(20);
  const newest = await keys.rotateKey(made.name);
  const client = watched(keys.getCryptographyClient(made.name, { keyVersion: made.properties.version }));
  const { result, keyID } = await client.sign("ES256", digestFor("ES256", data));
  assert.equal(keyID, made.id);
  assert.ok(opensslVerifies(made, "ES256", data, result));
  const versionless = await keys.getCryptographyClient(made.name).sign("ES256", digestFor("ES256", data));
  assert.ok(opensslVerifies(newest, "ES256", data, versionless.result));
});

step("KeyClient.listPropertiesOfKeyVersions", "all, by pages, and none of a missing key", async () => {
  const name = freshName();
  const made = [];
  for (let count = 0; count < 3; count += 1) made.push((await keys.createEcKey(name)).id);
  assert.deepEqual((await all(keys.listPropertiesOfKeyVersions(name))).map((item) => item.id).sort(), made.sort());
  const pages = await all(keys.listPropertiesOfKeyVersions(name).byPage({ maxPageSize: 2 }));
  assert.ok(pages.every((page) => page.length <= 2));
  assert.deepEqual(pages.flat().map((item) => item.id).sort(), made);
  assert.deepEqual(await all(keys.listPropertiesOfKeyVersions(freshName())), []);
});

step("KeyClient.listPropertiesOfKeys", "all, and by pages", async () => {
  const made = [];
  for (let count = 0; count < 4; count += 1) made.push((await makeEc({ tags: { count: String(count) } })).name);
  const listed = new Map((await all(keys.listPropertiesOfKeys())).map((item) => [item.name, item]));
  for (const [count, name] of made.entries()) {
    assert.equal(listed.get(name).id, `${vaultUrl}/keys/${name}`);
    assert.deepEqual(listed.get(name).tags, { count: String(count) });
  }
  const pages = await all(keys.listPropertiesOfKeys().byPage({ maxPageSize: 3 }));
  assert.ok(pages.length > 1 && pages.every((page) => page.length <= 3));
  const names = pages.flat().map((item) => item.name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(made.every((name) => names.includes(name)));
});

// --- deleting, moving -------------------------------------------------------------------------------------------

function assertDeleted(deleted, made) {
  assert.equal(deleted.id, made.id);
  assert.equal(deleted.properties.recoveryId, `${vaultUrl}/deletedkeys/${made.name}`);
  const kept = deleted.properties.scheduledPurgeDate - deleted.properties.deletedOn;
  assert.equal(kept, deleted.properties.recoverableDays * DAY);
}

for (const [type, make] of Object.entries(EVERY_TYPE)) {
  step("KeyClient.beginDeleteKey", `${type} is gone, and its name is not free`, async () => {
    const made = await make();
    const poller = await keys.beginDeleteKey(made.name, quick);
    const deleted = await poller.pollUntilDone();
    assertDeleted(deleted, made);
    assert.equal(deleted.keyType, type);
    await refused(keys.getKey(made.name), 404, "KeyNotFound");
    await refused(keys.createKey(made.name, type, sized(type)), 409, "Conflict");
  });
  step("KeyClient.beginRecoverDeletedKey", `${type} works as before`, async () => {
    const made = await make();
    await keys.rotateKey(made.name);
    await (await keys.beginDeleteKey(made.name, quick)).pollUntilDone();
    await (await keys.beginRecoverDeletedKey(made.name, quick)).pollUntilDone();
    const back = await keys.getKey(made.name, { version: made.properties.version });
    assert.deepEqual(back.key, made.key);
    assert.equal((await all(keys.listPropertiesOfKeyVersions(made.name))).length, 2);
    await refused(keys.getDeletedKey(made.name), 404, "KeyNotFound");
  });
  step("KeyClient.restoreKeyBackup", `${type}: all versions come back, and work`, async () => {
    const made = await make();
    const newer = await keys.rotateKey(made.name);
    const archived = await exercise(made);
    const backup = await keys.backupKey(made.name);
    await refused(keys.restoreKeyBackup(backup), 409, "Conflict");
    await purge(made.name);
    const restored = await keys.restoreKeyBackup(backup);
    assert.equal(restored.id, newer.id);
    assert.deepEqual(restored.key, newer.key);
    assert.deepEqual(restored.properties.createdOn, newer.properties.createdOn);
    await archived();
  });
}

// Uses a key now; what it returns proves, later, that the same key is still there.
async function exercise(key) {
  const client = remote(key.id);
  if (key.keyType.startsWith("EC")) {
    const digest = crypto.randomBytes(32);
    const { result } = await client.sign("ES256", digest);
    return async () => assert.equal((await remote(key.id).verify("ES256", digest, result)).result, true);
  }
  const algorithm = key.keyType === "oct-HSM" ? "A256KW" : "RSA-OAEP-256";
  const secret = crypto.randomBytes(32);
  const { result } = await client.wrapKey(algorithm, secret);
  return async () => assert.deepEqual(Buffer.from((await remote(key.id).unwrapKey(algorithm, result)).result), secret);
}

step("KeyClient.getDeletedKey", "what was deleted, and what was not", async () => {
  const made = await makeRsa();
  await (await keys.beginDeleteKey(made.name, quick)).pollUntilDone();
  const deleted = await keys.getDeletedKey(made.name);
  assertDeleted(deleted, made);
  assert.deepEqual(deleted.key.n, made.key.n);
  await refused(keys.getDeletedKey(freshName()), 404, "KeyNotFound");
});

step("KeyClient.listDeletedKeys", "all, and by pages", async () => {
  const made = [await makeEc(), await makeEc()];
  for (const key of made) await (await keys.beginDeleteKey(key.name, quick)).pollUntilDone();
  const listed = new Map((await all(keys.listDeletedKeys())).map((item) => [item.name, item]));
  for (const key of made) {
    assert.equal(listed.get(key.name).properties.recoveryId, `${vaultUrl}/deletedkeys/${key.name}`);
    assert.ok(listed.get(key.name).properties.deletedOn instanceof Date);
  }
  const pages = await all(keys.listDeletedKeys().byPage({ maxPageSize: 1 }));
  assert.ok(pages.every((page) => page.length <= 1));
  assert.ok(made.every((key) => pages.flat().some((item) => item.name === key.name)));
});

step("KeyClient.purgeDeletedKey", "frees the name", async () => {
  const made = await makeEc();
  await purge(made.name);
  await refused(keys.getKey(made.name), 404, "KeyNotFound");
  const again = await keys.createEcKey(made.name);
  assert.notEqual(again.properties.version, made.properties.version);
  assert.equal((await all(keys.listPropertiesOfKeyVersions(made.name))).length, 1);
});

step("KeyClient.backupKey", "is opaque, and of existing keys only", async () => {
  const made = await makeRsa();
  const backup = await keys.backupKey(made.name);
  assert.ok(backup instanceof Uint8Array && backup.length > 256);
  assert.equal(Buffer.from(backup).includes(Buffer.from("PRIVATE KEY")), false);
  await refused(keys.backupKey(freshName()), 404, "KeyNotFound");
});

// --- policy, randomness -----------------------------------------------------------------------------------------

step("KeyClient.getRandomBytes", "as many as asked, never the same, and not too many", async () => {
  for (const count of [1, 16, 128]) assert.equal((await keys.getRandomBytes(count)).length, count);
  assert.notDeepEqual(await keys.getRandomBytes(32), await keys.getRandomBytes(32));
  for (const count of [0, 129]) await refused(keys.getRandomBytes(count), 400, "BadParameter");
});

step("KeyClient.getKeyRotationPolicy", "the default of a key that never had one", async () => {
  const made = await makeEc();
  const policy = await keys.getKeyRotationPolicy(made.name);
  assert.equal(policy.id, `${vaultUrl}/keys/${made.name}/rotationpolicy`);
  assert.deepEqual(policy.lifetimeActions, [{ action: "Notify", timeAfterCreate: undefined, timeBeforeExpiry: "P30D" }]);
  await refused(keys.getKeyRotationPolicy(freshName()), 404, "KeyNotFound");
});

step("KeyClient.updateKeyRotationPolicy", "is kept as written, and dates what is rotated", async () => {
  const made = await makeEc();
  const wanted = [
    { action: "Rotate", timeAfterCreate: "P2M" },
    { action: "Notify", timeBeforeExpiry: "P40D" },
  ];
  const set = await keys.updateKeyRotationPolicy(made.name, { expiresIn: "P90D", lifetimeActions: wanted });
  assert.equal(set.expiresIn, "P90D");
  assert.ok(set.createdOn instanceof Date && set.updatedOn instanceof Date);
  const policy = await keys.getKeyRotationPolicy(made.name);
  assert.equal(policy.expiresIn, "P90D");
  const actions = policy.lifetimeActions.map((item) => [item.action, item.timeAfterCreate, item.timeBeforeExpiry]);
  assert.deepEqual(actions.sort(), [["Notify", undefined, "P40D"], ["Rotate", "P2M", undefined]]);
  const rotated = await keys.rotateKey(made.name);
  assert.ok(Math.abs(rotated.properties.expiresOn - rotated.properties.createdOn - 90 * DAY) <= 2000);
  await refused(keys.updateKeyRotationPolicy(made.name, { expiresIn: "P1D", lifetimeActions: [] }), 400);
});

// --- cryptography -----------------------------------------------------------------------------------------------

step("CryptographyClient.keyID", "is the identifier it was made with", async () => {
  const key = await makeEc();
  assert.equal(using(key).keyID, key.id);
  assert.equal(using(key.id).keyID, key.id);
});

step("CryptographyClient.vaultUrl", "is the vault of the key", async () => {
  assert.equal(using(await makeEc()).vaultUrl, vaultUrl);
});

for (const hsm of PROTECTIONS) {
  const type = kty("RSA", hsm);
  for (const [method, back] of [["encrypt", "decrypt"], ["wrapKey", "unwrapKey"]]) {
    const roundTrip = async () => {
      const key = await makeRsa({ hsm });
      const data = crypto.randomBytes(48);
      for (const algorithm of ["RSA-OAEP", "RSA-OAEP-256"]) {
        for (const client of [using(key), using(key.id), remote(key.id)]) {
          const { result, keyID } = await client[method](algorithm, data);
          assert.equal(keyID, key.id);
          assert.deepEqual(Buffer.from((await using(key)[back](algorithm, result)).result), data);
        }
        const oaepHash = algorithm === "RSA-OAEP" ? "sha1" : "sha256";
        const padding = crypto.constants.RSA_PKCS1_OAEP_PADDING;
        const foreign = crypto.publicEncrypt({ key: publicKey(key), padding, oaepHash }, data);
        assert.deepEqual(Buffer.from((await remote(key.id)[back](algorithm, foreign)).result), data);
      }
    };
    step(`CryptographyClient.${method}`, `${type}, in the client and in the vault`, roundTrip);
    step(`CryptographyClient.${back}`, `${type}, also what OpenSSL encrypted`, roundTrip);
  }
  step("CryptographyClient.decrypt", `${type}, and not what is broken`, async () => {
    const key = await makeRsa({ hsm });
    await refused(using(key).decrypt("RSA-OAEP-256", crypto.randomBytes(256)), 400, "BadParameter");
  });
  step("CryptographyClient.sign", `${type}, every algorithm, as OpenSSL verifies it`, async () => {
    const key = await makeRsa({ hsm });
    const data = crypto.randomBytes(77);
    for (const algorithm of RSA_SIGNATURES) {
      const { result, keyID } = await using(key.id).sign(algorithm, digestFor(algorithm, data));
      assert.equal(keyID, key.id);
      assert.ok(opensslVerifies(key, algorithm, data, result), algorithm);
    }
  });
  step("CryptographyClient.verify", `${type}, every algorithm, what is right and what is wrong`, async () => {
    const key = await makeRsa({ hsm });
    for (const algorithm of RSA_SIGNATURES) await assertVerifies(key, algorithm);
  });
  step("CryptographyClient.signData", `${type}, every algorithm`, async () => {
    const key = await makeRsa({ hsm });
    const data = crypto.randomBytes(3000);
    for (const algorithm of RSA_SIGNATURES) {
      const { result } = await using(key).signData(algorithm, data);
      assert.ok(opensslVerifies(key, algorithm, data, result), algorithm);
    }
  });
  step("CryptographyClient.verifyData", `${type}, in the vault every algorithm, in the client PKCS#1`, async () => {
    const key = await makeRsa({ hsm });
    for (const algorithm of RSA_SIGNATURES) {
      // In the client the SDK knows no PSS padding: it takes PS* for PKCS#1.
      const clients = algorithm.startsWith("RS") ? [using(key), watched(new CryptographyClient(key.key)), remote(key.id)] : [remote(key.id)];
      await assertVerifiesData(key, algorithm, clients);
    }
  });

  const ecType = kty("EC", hsm);
  step("CryptographyClient.sign", `${ecType}, every curve, as OpenSSL verifies it`, async () => {
    for (const [curve, algorithm] of Object.entries(CURVES)) {
      const key = await makeEc({ hsm, curve });
      const data = crypto.randomBytes(77);
      const { result } = await using(key.id).sign(algorithm, digestFor(algorithm, data));
      assert.ok(opensslVerifies(key, algorithm, data, result), algorithm);
    }
  });
  step("CryptographyClient.verify", `${ecType}, every curve, what is right and what is wrong`, async () => {
    for (const [curve, algorithm] of Object.entries(CURVES)) await assertVerifies(await makeEc({ hsm, curve }), algorithm);
  });
  step("CryptographyClient.signData", `${ecType}, every curve`, async () => {
    for (const [curve, algorithm] of Object.entries(CURVES)) {
      const key = await makeEc({ hsm, curve });
      const data = crypto.randomBytes(3000);
      const { result } = await using(key).signData(algorithm, data);
      assert.ok(opensslVerifies(key, algorithm, data, result), algorithm);
    }
  });
  step("CryptographyClient.verifyData", `${ecType}, every curve`, async () => {
    for (const [curve, algorithm] of Object.entries(CURVES)) {
      const key = await makeEc({ hsm, curve });
      await assertVerifiesData(key, algorithm, [using(key), remote(key.id)]);
    }
  });
}

async function assertVerifies(key, algorithm) {
  const digest = digestFor(algorithm, crypto.randomBytes(10));
  const { result: signature } = await using(key).sign(algorithm, digest);
  assert.equal((await using(key).verify(algorithm, digest, signature)).result, true, algorithm);
  assert.equal((await remote(key.id).verify(algorithm, digest, signature)).result, true, algorithm);
  assert.equal((await remote(key.id).verify(algorithm, digestFor(algorithm, "other"), signature)).result, false, algorithm);
}

async function assertVerifiesData(key, algorithm, clients) {
  const data = crypto.randomBytes(3000);
  const { result: signature } = await using(key).signData(algorithm, data);
  for (const client of clients) {
    assert.equal((await client.verifyData(algorithm, data, signature)).result, true, algorithm);
    assert.equal((await client.verifyData(algorithm, Buffer.from("other"), signature)).result, false, algorithm);
  }
}

for (const size of [128, 192, 256]) {
  const gcm = async () => {
    const key = await makeOct({ keySize: size });
    const [plaintext, additionalAuthenticatedData] = [crypto.randomBytes(100), Buffer.from("context")];
    const sealed = await using(key).encrypt({ algorithm: `A${size}GCM`, plaintext, additionalAuthenticatedData });
    assert.deepEqual([sealed.iv.length, sealed.authenticationTag.length], [12, 16]);
    const parameters = { algorithm: `A${size}GCM`, ciphertext: sealed.result, iv: sealed.iv, authenticationTag: sealed.authenticationTag };
    const { result } = await using(key.id).decrypt({ ...parameters, additionalAuthenticatedData });
    assert.deepEqual(Buffer.from(result), plaintext);
    await refused(using(key).decrypt({ ...parameters, additionalAuthenticatedData: Buffer.from("another") }), 400);
    const again = await using(key).encrypt({ algorithm: `A${size}GCM`, plaintext });
    assert.notDeepEqual(again.iv, sealed.iv);
  };
  const cbc = async () => {
    const key = await makeOct({ keySize: size });
    for (const [algorithm, length, expected] of [[`A${size}CBC`, 64, 64], [`A${size}CBCPAD`, 61, 61]]) {
      const [plaintext, iv] = [crypto.randomBytes(length), crypto.randomBytes(16)];
      const sealed = await using(key).encrypt({ algorithm, plaintext, iv });
      assert.deepEqual(Buffer.from(sealed.iv), iv);
      const { result } = await using(key).decrypt({ algorithm, ciphertext: sealed.result, iv: sealed.iv });
      assert.deepEqual(Buffer.from(result).subarray(0, expected), plaintext);
    }
  };
  const kw = async () => {
    const key = await makeOct({ keySize: size });
    for (const length of [16, 32]) {
      const secret = crypto.randomBytes(length);
      const { result } = await using(key).wrapKey(`A${size}KW`, secret);
      assert.equal(result.length, length + 8);
      assert.deepEqual(Buffer.from((await using(key.id).unwrapKey(`A${size}KW`, result)).result), secret);
      const broken = Buffer.from(result);
      broken[3] ^= 1;
      await refused(using(key).unwrapKey(`A${size}KW`, broken), 400);
    }
  };
  for (const method of ["encrypt", "decrypt"]) {
    step(`CryptographyClient.${method}`, `oct-HSM, A${size}GCM`, gcm);
    step(`CryptographyClient.${method}`, `oct-HSM, A${size}CBC and A${size}CBCPAD`, cbc);
  }
  for (const method of ["wrapKey", "unwrapKey"]) step(`CryptographyClient.${method}`, `oct-HSM, A${size}KW`, kw);
}

for (const algorithm of ["HS256", "HS384", "HS512"]) {
  const mac = async () => {
    const key = await makeOct({ keySize: 256, keyOps: ["sign", "verify"] });
    const digest = digestFor(algorithm, crypto.randomBytes(20));
    if (algorithm !== "HS256") {
      // SoftHSM wants a key as long as the hash, and says so.
      await refused(using(key).sign(algorithm, digest), 400);
      return refused(using(key).verify(algorithm, digest, digest), 400);
    }
    const { result } = await using(key).sign(algorithm, digest);
    assert.equal(result.length, digest.length);
    assert.equal((await using(key.id).verify(algorithm, digest, result)).result, true);
    assert.equal((await using(key.id).verify(algorithm, digestFor(algorithm, "other"), result)).result, false);
  };
  for (const method of ["sign", "verify"]) step(`CryptographyClient.${method}`, `oct-HSM, ${algorithm}`, mac);
}

await prove([KeyClient, CryptographyClient], INTERNAL);
