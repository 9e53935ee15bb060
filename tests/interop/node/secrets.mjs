// SecretClient: every method.
import assert from "node:assert/strict";

import { SecretClient } from "@azure/keyvault-secrets";

import { VERSION, all, credential, eventually, freshName, prove, quick, refused, step, vaultUrl, watched } from "./proving.mjs";

const DAY = 24 * 3600 * 1000;
const secrets = watched(new SecretClient(vaultUrl, credential));
const toSecond = (moment) => new Date(Math.floor(moment / 1000) * 1000);

async function remove(name) {
  return (await secrets.beginDeleteSecret(name, quick)).pollUntilDone();
}

async function purge(name) {
  await remove(name);
  await secrets.purgeDeletedSecret(name);
  await eventually(() => secrets.getDeletedSecret(name).then(() => false, (error) => error.statusCode === 404));
}

function assertDeleted(deleted, made) {
  assert.equal(deleted.value, undefined);
  assert.equal(deleted.properties.id, made.properties.id);
  assert.equal(deleted.properties.recoveryId, `${vaultUrl}/deletedsecrets/${made.name}`);
  assert.ok(deleted.properties.deletedOn instanceof Date);
  assert.ok(deleted.properties.scheduledPurgeDate > new Date());
}

step("SecretClient.setSecret", "with everything that describes it", async () => {
  const name = freshName();
  const [notBefore, expiresOn] = [toSecond(Date.now() - DAY), toSecond(Date.now() + 100 * DAY)];
  const value = "pässwörd 鍵 \u{1F511}\n";
  const made = await secrets.setSecret(name, value, { contentType: "text/plain", enabled: true, notBefore, expiresOn, tags: { a: "1" } });
  assert.equal(made.value, value);
  assert.equal(made.name, name);
  assert.match(made.properties.version, VERSION);
  assert.equal(made.properties.id, `${vaultUrl}/secrets/${name}/${made.properties.version}`);
  assert.equal(made.properties.contentType, "text/plain");
  assert.deepEqual(made.properties.notBefore, notBefore);
  assert.deepEqual(made.properties.expiresOn, expiresOn);
  assert.deepEqual(made.properties.tags, { a: "1" });
  assert.ok(made.properties.recoverableDays >= 7 && made.properties.recoveryLevel);
});

step("SecretClient.getSecret", "the newest, a version, and nothing that is missing or disabled", async () => {
  const name = freshName();
  const older = await secrets.setSecret(name, "one");
  await secrets.setSecret(name, "two");
  assert.equal((await secrets.getSecret(name)).value, "two");
  assert.equal((await secrets.getSecret(name, { version: older.properties.version })).value, "one");
  await refused(secrets.getSecret(freshName()), 404, "SecretNotFound");
  const disabled = await secrets.setSecret(freshName(), "hidden", { enabled: false });
  await refused(secrets.getSecret(disabled.name), 403, "Forbidden");
});

step("SecretClient.updateSecretProperties", "what it names and nothing else", async () => {
  const made = await secrets.setSecret(freshName(), "value", { contentType: "text/plain", tags: { a: "1" } });
  const expiresOn = toSecond(Date.now() + 10 * DAY);
  const changed = await secrets.updateSecretProperties(made.name, made.properties.version, { expiresOn, tags: { b: "2" } });
  assert.equal(changed.version, made.properties.version);
  assert.deepEqual(changed.expiresOn, expiresOn);
  assert.deepEqual(changed.tags, { b: "2" });
  assert.equal(changed.contentType, "text/plain");
  await secrets.updateSecretProperties(made.name, "", { contentType: "text/csv" });
  const now = await secrets.getSecret(made.name);
  assert.equal(now.value, "value");
  assert.equal(now.properties.contentType, "text/csv");
  assert.deepEqual(now.properties.tags, { b: "2" });
});

step("SecretClient.listPropertiesOfSecretVersions", "all, by pages, and none of a missing secret", async () => {
  const name = freshName();
  const made = [];
  for (const value of ["one", "two", "three"]) made.push((await secrets.setSecret(name, value)).properties.id);
  assert.deepEqual((await all(secrets.listPropertiesOfSecretVersions(name))).map((item) => item.id).sort(), made.sort());
  const pages = await all(secrets.listPropertiesOfSecretVersions(name).byPage({ maxPageSize: 2 }));
  assert.ok(pages.every((page) => page.length <= 2));
  assert.deepEqual(pages.flat().map((item) => item.id).sort(), made);
  assert.deepEqual(await all(secrets.listPropertiesOfSecretVersions(freshName())), []);
});

step("SecretClient.listPropertiesOfSecrets", "all, and by pages, never a value", async () => {
  const made = [];
  for (let count = 0; count < 4; count += 1) made.push((await secrets.setSecret(freshName(), "v", { contentType: `t${count}` })).name);
  const listed = new Map((await all(secrets.listPropertiesOfSecrets())).map((item) => [item.name, item]));
  for (const [count, name] of made.entries()) {
    assert.equal(listed.get(name).contentType, `t${count}`);
    assert.equal(listed.get(name).value, undefined);
  }
  const pages = await all(secrets.listPropertiesOfSecrets().byPage({ maxPageSize: 3 }));
  assert.ok(pages.length > 1 && pages.every((page) => page.length <= 3));
  assert.ok(made.every((name) => pages.flat().some((item) => item.name === name)));
});

step("SecretClient.beginDeleteSecret", "is gone, and its name is not free", async () => {
  const made = await secrets.setSecret(freshName(), "value");
  assertDeleted(await remove(made.name), made);
  await refused(secrets.getSecret(made.name), 404, "SecretNotFound");
  await refused(secrets.setSecret(made.name, "other"), 409, "Conflict");
});

step("SecretClient.getDeletedSecret", "what was deleted, and what was not", async () => {
  const made = await secrets.setSecret(freshName(), "value", { tags: { a: "1" } });
  await remove(made.name);
  const deleted = await secrets.getDeletedSecret(made.name);
  assertDeleted(deleted, made);
  assert.deepEqual(deleted.properties.tags, { a: "1" });
  await refused(secrets.getDeletedSecret(freshName()), 404, "SecretNotFound");
});

step("SecretClient.listDeletedSecrets", "all, and by pages", async () => {
  const made = [await secrets.setSecret(freshName(), "one"), await secrets.setSecret(freshName(), "two")];
  for (const secret of made) await remove(secret.name);
  const listed = await all(secrets.listDeletedSecrets());
  assert.ok(made.every((secret) => listed.some((item) => item.name === secret.name)));
  const pages = await all(secrets.listDeletedSecrets().byPage({ maxPageSize: 1 }));
  assert.ok(pages.every((page) => page.length <= 1));
  assert.ok(made.every((secret) => pages.flat().some((item) => item.name === secret.name)));
});

step("SecretClient.beginRecoverDeletedSecret", "has its values again", async () => {
  const name = freshName();
  const older = await secrets.setSecret(name, "one");
  await secrets.setSecret(name, "two");
  await remove(name);
  await (await secrets.beginRecoverDeletedSecret(name, quick)).pollUntilDone();
  assert.equal((await secrets.getSecret(name)).value, "two");
  assert.equal((await secrets.getSecret(name, { version: older.properties.version })).value, "one");
  await refused(secrets.getDeletedSecret(name), 404, "SecretNotFound");
});

step("SecretClient.purgeDeletedSecret", "frees the name", async () => {
  const made = await secrets.setSecret(freshName(), "one");
  await purge(made.name);
  await refused(secrets.getSecret(made.name), 404, "SecretNotFound");
  await secrets.setSecret(made.name, "two");
  assert.equal((await all(secrets.listPropertiesOfSecretVersions(made.name))).length, 1);
});

step("SecretClient.backupSecret", "does not show the value, and is of existing secrets only", async () => {
  const made = await secrets.setSecret(freshName(), "a value that nobody may read");
  const backup = await secrets.backupSecret(made.name);
  assert.ok(backup instanceof Uint8Array && backup.length > 0);
  assert.equal(Buffer.from(backup).includes("a value that nobody may read"), false);
  await refused(secrets.backupSecret(freshName()), 404, "SecretNotFound");
});

step("SecretClient.restoreSecretBackup", "all versions come back", async () => {
  const name = freshName();
  const older = await secrets.setSecret(name, "one", { tags: { a: "1" } });
  const newer = await secrets.setSecret(name, "two");
  const backup = await secrets.backupSecret(name);
  await refused(secrets.restoreSecretBackup(backup), 409, "Conflict");
  await purge(name);
  const restored = await secrets.restoreSecretBackup(backup);
  assert.equal(restored.id, newer.properties.id);
  assert.equal((await secrets.getSecret(name)).value, "two");
  const first = await secrets.getSecret(name, { version: older.properties.version });
  assert.equal(first.value, "one");
  assert.deepEqual(first.properties.tags, { a: "1" });
  assert.deepEqual(first.properties.createdOn, older.properties.createdOn);
});

await prove([SecretClient], []);
