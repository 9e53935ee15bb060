// DefaultAzureCredential with what the environment says, and nothing else: a secret of the vault, there and back.
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";

import { DefaultAzureCredential } from "@azure/identity";
import { SecretClient } from "@azure/keyvault-secrets";

globalThis.crypto ??= webcrypto; // the SDKs expect it; Node 18, which Debian 12 has, does not set it

const client = new SecretClient(process.env.VAULT_URL, new DefaultAzureCredential());
const [name, value] = [process.env.SECRET_NAME, "by the environment"];
assert.equal((await client.setSecret(name, value)).value, value);
assert.equal((await client.getSecret(name)).value, value);
console.log("ok");
