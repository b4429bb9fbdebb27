import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  chooseRegistryEntry,
  decodeRegistryEntries,
  registryEntryPath,
  registryImage,
} from "../../cnb/files/registry-entry.ts";
import { InputError, TspackError } from "../../errors.ts";
import { withLock } from "../../stores/layout/lock.ts";
import type { PullPolicy } from "../build/request.ts";
import { privateDirectory } from "../places.ts";
import { type BuildpackRegistry, officialRegistry, type Settings } from "../settings.ts";
import { silence, whileAnswering } from "../source/answering.ts";
import { type GitAddress, parseGitAddress } from "../source/git-address.ts";
import { gitEnvironment } from "../source/git-environment.ts";
import { Git } from "../source/git-program.ts";
import type { Tools } from "../tools.ts";
import { type BuildpackIndex, moduleName } from "./module.ts";

/** Which index, and when it is fetched again. */
export interface RegistryIndexOptions {
  /** A name of the settings; the default one when absent. */
  readonly name?: string | undefined;
  /** `never` takes the copy that is there. */
  readonly pullPolicy?: PullPolicy | undefined;
}

/** What reading an index works with. */
export type RegistryIndexTools = Pick<Tools, "ctx" | "settings" | "machine" | "places">;

/** Opens the index of a buildpack registry; nothing is fetched before it is asked. Throws `INVALID_ARGUMENTS`. */
export function registryIndex(tools: RegistryIndexTools, { name, pullPolicy }: RegistryIndexOptions): BuildpackIndex {
  const registry = chosenRegistry(tools.settings, name);
  let opened: Promise<Git> | undefined;
  return {
    async find(id, version, source) {
      const path = registryEntryPath(id, source);
      const git = await (opened ??= openIndex(registry, pullPolicy, tools));
      const { ok, text } = await git.try(["cat-file", "blob", `${branch}:${path}`]);
      const entries = ok ? decodeRegistryEntries(text, `${registry.name}: ${path}`) : [];
      // A file has one buildpack by its name; what it says of another one is no answer.
      const own = entries.filter((entry) => entry.id === id);
      const entry = chooseRegistryEntry(own, version);
      if (entry === undefined) throw notInRegistry(id, version, own, registry, source);
      if (entry.yanked) tools.ctx.logger.warn(`${id}@${entry.version} was taken back in the registry ${registry.name}`);
      return registryImage(entry, `${registry.name}: ${path}`);
    },
  };
}

/** The registry of a name, else the default one. Throws `INVALID_ARGUMENTS`. */
export function chosenRegistry(
  { buildpackRegistries, defaultRegistry }: Pick<Settings, "buildpackRegistries" | "defaultRegistry">,
  given: string | undefined,
): BuildpackRegistry {
  const name = given ?? defaultRegistry ?? officialRegistry.name;
  const all = [officialRegistry, ...buildpackRegistries];
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  const source = given === undefined ? "config.toml: default-registry" : "--buildpack-registry";
  const expected = `one of ${all.map((one) => one.name).join(", ")}`;
  throw new InputError(
    "INVALID_ARGUMENTS",
    "there is no such buildpack registry",
    [{ source, path: "", expected, got: JSON.stringify(name) }],
    { hint: "tspack config registries add NAME URL makes one known" },
  );
}

/** The address of an index as `git` gets it. Throws `INVALID_ARGUMENTS`, also for a password in it. */
export function registryAddress(url: string, source: string): GitAddress {
  const address = parseGitAddress(`git+${url}`, source);
  if (address !== undefined && address.ref === undefined && address.subdirectory === "") return address;
  const issue = { source, path: "", expected: "a Git repository, without #", got: JSON.stringify(url) };
  throw new InputError("INVALID_ARGUMENTS", "the address of the buildpack registry can not be used", [issue]);
}

/** Where the newest commit of an index is in our copy. */
const branch = "refs/heads/index";

/** A copy without a work tree and without history: of the files, only those that are asked for are ever read. */
async function openIndex(
  registry: BuildpackRegistry,
  pullPolicy: PullPolicy | undefined,
  { ctx, machine, places }: RegistryIndexTools,
): Promise<Git> {
  const address = registryAddress(registry.url, `config.toml: registries: ${registry.name}`);
  const parent = await privateDirectory(places.downloads);
  const directory = join(parent, `registry-${createHash("sha256").update(address.url).digest("hex").slice(0, 32)}`);
  const git = new Git(directory, gitEnvironment(machine.env, address.protocol), address, ctx);
  await withLock(`${directory}.lock`, async () => {
    const isThere = existsSync(directory) && (await git.try(["rev-parse", "--verify", "--quiet", branch])).ok;
    if (isThere && pullPolicy === "never") return;
    if (pullPolicy === "never") throw notFetched(registry);
    if (!isThere) {
      await rm(directory, { recursive: true, force: true });
      // A template could bring hooks.
      await git.run(["init", "--quiet", "--bare", "--template=", "--", directory], "can not be made ready");
    }
    ctx.logger.debug(`fetching the buildpack registry ${registry.name} from ${address.url}`);
    const what = ["fetch", "--quiet", "--depth=1", "--no-tags", "--force", "--", address.url, `HEAD:${branch}`];
    try {
      await whileAnswering(git, address, silence, (one) => one.run(what, "can not be fetched"));
    } catch (error) {
      if (!isThere || !(error instanceof TspackError) || error.code !== "GIT_FAILED") throw error;
      ctx.logger.warn(`${error.message}; what was fetched before is used`);
    }
  });
  return git;
}

function notFetched({ name, url }: BuildpackRegistry): TspackError {
  return new TspackError("BUILDPACK_NOT_FOUND", `the buildpack registry ${name} was never fetched from ${url}`, {
    hint: "use another pull policy than never once, or name the image of the buildpack",
  });
}

function notInRegistry(
  id: string,
  version: string | undefined,
  entries: readonly { readonly version: string }[],
  { name, url }: BuildpackRegistry,
  source: string,
): TspackError {
  const versions = entries.map((entry) => entry.version);
  const shown = versions.slice(-10).join(", ");
  const wanted = moduleName({ id, version: version ?? "" });
  return new TspackError("BUILDPACK_NOT_FOUND", `${source}: the buildpack registry ${name} does not have ${wanted}`, {
    hint: versions.length === 0 ? `look into ${url}` : `it has ${shown}`,
  });
}
