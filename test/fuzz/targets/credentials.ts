import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputError, TspackError } from "../../../lifecycle/errors.ts";
import { dockerConfigKeychain } from "../../../lifecycle/stores/keychain-docker-config.ts";
import { registryAuthKeychain } from "../../../lifecycle/stores/keychain-registry-auth.ts";
import { parseChallenges } from "../../../lifecycle/stores/registry/challenge.ts";
import { bytesOf } from "../seeds.ts";
import type { FuzzTarget } from "../target.ts";

const secret = "c2VjcmV0LXVzZXI6c2VjcmV0LXBhc3N3b3Jk";

const challenges = [
  'Bearer realm="https://auth.localhost/token",service="registry",scope="repository:a:pull,push"',
  'Basic realm="a", Bearer realm="b",error="insufficient_scope"',
  "Negotiate, Basic realm=x",
];

const files = [
  `{"auths":{"https://index.docker.io/v1/":{"auth":"${secret}"},"localhost:5000":{"identitytoken":"t"}}}`,
  `{"registry.localhost":"Basic ${secret}","other.localhost":"Bearer t"}`,
  '{"auths":{"a":{"username":"u","password":"p"},"b/c":{}},"credHelpers":{}}',
];

/** `WWW-Authenticate`: any header is understood as far as it goes. */
export function challengeTarget(): FuzzTarget {
  return {
    name: "challenge",
    seeds: challenges.map(bytesOf),
    words: ['realm="', "Bearer ", "Basic ", ",", "=", '"', "\\", '\\"', ' , , "'],
    open: () => ({ parse: (input) => parseChallenges(Buffer.from(input).toString("latin1")) }),
  };
}

/** Docker's `config.json` and `CNB_REGISTRY_AUTH`: an error never has a part of the secret. No helper is named, so none runs. */
export function credentialsTarget(): FuzzTarget {
  return {
    name: "credentials",
    seeds: files.map(bytesOf),
    words: ['{"auths":', '"auth":"', '"identitytoken":null', "[[[[[", '{"a":{"a":', '"Basic ', secret],
    open: () => {
      const folder = mkdtempSync(join(tmpdir(), "tspack-fuzz-"));
      const path = join(folder, "config.json");
      return {
        parse: async (input) => {
          const text = Buffer.from(input).toString("utf8");
          if (/cred(s|H)/i.test(text.replaceAll(/"credHelpers":\{\}/g, "")) || text.includes("\\u")) return;
          // Keys are hosts, and are shown.
          if (text.includes("c2Vj") && /"[^"]*c2Vj[^"]*"?\s*:/.test(text)) return;
          writeFileSync(path, input);
          await keepsSecret(() => dockerConfigKeychain(path).resolve("localhost:5000"));
          await keepsSecret(() => registryAuthKeychain(text).resolve("registry.localhost"));
        },
        close: () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  };
}

async function keepsSecret(action: () => unknown): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof TspackError)) throw error;
    const told = JSON.stringify([error.message, error.hint, error instanceof InputError ? error.issues : []]);
    if (told.includes(secret.slice(0, 12))) throw new Error(`a secret in ${told}`, { cause: error });
  }
}
