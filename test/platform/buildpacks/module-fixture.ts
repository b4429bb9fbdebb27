import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { silentProgress } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import type { ModulePorts } from "../../../lifecycle/platform/buildpacks/module.ts";
import { openBlobCache } from "../../../lifecycle/stores/blob-cache/open.ts";
import { memoryStore } from "../../../lifecycle/stores/memory.ts";

/** A context that says nothing. */
export const ctx = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(0),
  signal: new AbortController().signal,
};

/** A directory that is removed after the tests of a file. */
export function scratch(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `tspack-${name}-`));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Ports with a real blob cache and a store in memory. */
export async function portsIn(
  directory: string,
): Promise<ModulePorts & { readonly images: ReturnType<typeof memoryStore> }> {
  return {
    images: memoryStore(),
    blobs: await openBlobCache(join(directory, "blobs"), { ctx }),
    modulesDir: join(directory, "modules"),
    network: {},
    ctx,
  };
}

/** Writes files by their path; those in `bin/` can be run. Returns the directory. */
export function tree(directory: string, files: Readonly<Record<string, string>>): string {
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, name.startsWith("bin/") || name.includes("/bin/") ? 0o755 : 0o644);
  }
  return directory;
}

/** The files of a buildpack that always takes part. */
export function component(id: string, version: string, more = ""): Readonly<Record<string, string>> {
  return {
    "buildpack.toml": `api = "0.10"\n[buildpack]\nid = "${id}"\nversion = "${version}"\nname = "N ${id}"\n${more}`,
    "bin/detect": "#!/bin/sh\nexit 0\n",
    "bin/build": `#!/bin/sh\necho ${id}\n`,
  };
}

/** The file of a buildpack that is made of others, each as `id@version`. */
export function composite(id: string, version: string, parts: readonly string[]): Readonly<Record<string, string>> {
  const group = parts.map((part) => {
    const [name, partVersion] = part.split("@");
    return `[[order.group]]\nid = "${name}"\nversion = "${partVersion}"\n`;
  });
  return {
    "buildpack.toml": `api = "0.10"\n[buildpack]\nid = "${id}"\nversion = "${version}"\n[[order]]\n${group.join("")}`,
  };
}
