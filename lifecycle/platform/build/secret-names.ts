import { readFile } from "node:fs/promises";
import { join } from "node:path";

const secretName =
  /^(\.env(\..+)?|\.npmrc|\.pypirc|\.netrc|\.git-credentials|\.dockerconfigjson|id_(rsa|dsa|ecdsa|ed25519)|.+\.(pem|key|p12|pfx|jks|keystore|tfvars)|(credentials|secrets?|service-account.*)\.(json|ya?ml|toml))$/i;

/** Examples are made to be shown. */
const example = /\.(example|sample|template|dist)$/i;

/** Whether the name of a file is one that secrets usually have. */
export function looksSecret(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return secretName.test(name) && !example.test(name);
}

/**
 * Those of the files that the application's own `.gitignore` keeps out of its repository. They
 * get into the image all the same, as in pack: only project.toml leaves files out.
 */
export async function ignoredByGit(directory: string, paths: readonly string[]): Promise<readonly string[]> {
  if (paths.length === 0) return [];
  const rules = await readFile(join(directory, ".gitignore"), "utf8").catch(() => undefined);
  if (rules === undefined) return [];
  const { ignore } = await import("../../third-party/ignore.ts");
  const matcher = ignore({ ignorecase: false }).add(rules);
  return paths.filter((path) => matcher.ignores(path));
}
