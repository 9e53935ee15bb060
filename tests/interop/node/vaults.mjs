// The management client for vaults: the whole life of a vault, as an application that manages vaults.
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";

import { KeyVaultManagementClient } from "@azure/arm-keyvault";
import { ClientSecretCredential } from "@azure/identity";

globalThis.crypto ??= webcrypto; // the SDKs expect it; Node 18, which Debian 12 has, does not set it

const { AZURE_TENANT_ID: tenantId, PORTAL_AUTHORITY: authorityHost, ARM: endpoint, LOCATION: location } = process.env;
const { GROUP: group, VAULT_NAME: name, SUBSCRIPTION: subscription } = process.env;
const credential = new ClientSecretCredential(tenantId, process.env.MANAGER_ID, process.env.MANAGER_SECRET, {
  authorityHost,
  disableInstanceDiscovery: true,
});
const scopes = [`${endpoint}/.default`];
const { vaults } = new KeyVaultManagementClient(credential, subscription, { endpoint, credentials: { scopes } });

const names = async (iterator) => {
  const found = [];
  for await (const item of iterator) found.push(item.name);
  return found;
};
const refused = (promise, statusCode, code) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.statusCode, statusCode, error.message);
    assert.equal(error.code, code, error.message);
    return true;
  });
const vault = (properties) => ({
  location,
  properties: { tenantId, sku: { family: "A", name: "premium" }, ...properties },
});

const wanted = { name, type: "Microsoft.KeyVault/vaults" };
assert.equal((await vaults.checkNameAvailability(wanted)).nameAvailable, true);
const made = await vaults.createOrUpdate(group, name, vault({ softDeleteRetentionInDays: 7 }));
assert.equal(made.name, name);
assert.equal(made.properties.softDeleteRetentionInDays, 7);
assert.equal((await vaults.get(group, name)).id, made.id);
assert.deepEqual((await vaults.update(group, name, { tags: { owner: "tests" } })).tags, { owner: "tests" });
for (const list of [vaults.list("resourceType eq 'Microsoft.KeyVault/vaults'"), vaults.listBySubscription(), vaults.listByResourceGroup(group)]) {
  assert.ok((await names(list)).includes(name));
}
await vaults.delete(group, name);
await refused(vaults.get(group, name), 404, "ResourceNotFound");
assert.ok((await names(vaults.listDeleted())).includes(name));
assert.equal((await vaults.getDeleted(name, location)).properties.vaultId, made.id);
await refused(vaults.createOrUpdate(group, name, vault({})), 409, "ConflictError");
await vaults.createOrUpdate(group, name, vault({ createMode: "recover" }));
await vaults.delete(group, name);
await vaults.purgeDeleted(name, location);
assert.equal((await vaults.checkNameAvailability(wanted)).nameAvailable, true);
console.log("ok");
