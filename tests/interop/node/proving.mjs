// What the scripts share: the credential, a list of steps, and the record of which methods the steps really called.
import assert from "node:assert/strict";
import { randomBytes, webcrypto } from "node:crypto";

import { ClientSecretCredential } from "@azure/identity";

globalThis.crypto ??= webcrypto; // the SDKs expect it; Node 18, which Debian 12 has, does not set it

export const vaultUrl = process.env.VAULT_URL;
export const quick = { intervalInMs: 50 };
export const VERSION = /^[0-9a-f]{32}$/;

// Instance discovery would ask Microsoft. The check of the challenge's resource stays on.
export const credential = new ClientSecretCredential(
  process.env.AZURE_TENANT_ID,
  process.env.AZURE_CLIENT_ID,
  process.env.AZURE_CLIENT_SECRET,
  { authorityHost: process.env.PORTAL_AUTHORITY, disableInstanceDiscovery: true },
);

export const freshName = () => `js-${randomBytes(6).toString("hex")}`;

export async function all(iterator) {
  const found = [];
  for await (const item of iterator) found.push(item);
  return found;
}

export async function refused(promise, statusCode, code) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.statusCode, statusCode, error.message);
    if (code) assert.equal(error.code, code, error.message);
    return true;
  });
}

// A poll until `condition` holds: listings of deleted objects may lag behind.
export async function eventually(condition, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `not within ${seconds} s: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const called = new Set();

// The client itself, unmodified; what is called on it is noted.
export function watched(client) {
  const kind = client.constructor;
  return new Proxy(client, {
    get(target, name) {
      const value = target[name];
      if (typeof name !== "string" || !Object.hasOwn(kind.prototype, name)) return value;
      called.add(`${kind.name}.${name}`);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set(target, name, value) {
      target[name] = value;
      return true;
    },
  });
}

const steps = [];

// `method` is "Client.method"; `about` says what of it is proven.
export const step = (method, about, proof) => steps.push({ method, about, proof });

function isChosen(item, only) {
  return only.length === 0 || only.some((text) => `${item.method} ${item.about}`.includes(text));
}

// Prints `method <name>` for each public method of the clients and `ok <name>` for each that all its steps proved.
// ONLY=text,text runs the steps whose "Client.method about" contains one of the texts.
export async function prove(kinds, internal) {
  for (const kind of kinds) {
    for (const name of Object.getOwnPropertyNames(kind.prototype)) {
      if (name !== "constructor" && !internal.includes(`${kind.name}.${name}`)) console.log(`method ${kind.name}.${name}`);
    }
  }
  const only = (process.env.ONLY ?? "").split(",").filter(Boolean);
  const chosen = steps.filter((item) => isChosen(item, only));
  const failed = new Set();
  for (const item of chosen) {
    called.clear();
    try {
      await item.proof();
      assert.ok(called.has(item.method), `the step did not call ${item.method}`);
    } catch (error) {
      failed.add(item.method);
      const answer = error.statusCode ? ` (${error.request?.method} ${error.request?.url} -> ${error.statusCode} ${error.code})` : "";
      const ours = error.stack.split("\n").filter((line) => /^ +at /.test(line) && !/node_modules|node:|proving/.test(line));
      console.error([`FAILED ${item.method}: ${item.about}${answer}`, error.message, ...ours, ""].join("\n"));
    }
  }
  for (const method of new Set(chosen.map((item) => item.method))) {
    if (!failed.has(method)) console.log(`ok ${method}`);
  }
  process.exitCode = failed.size > 0 || chosen.length === 0 ? 1 : 0;
}
