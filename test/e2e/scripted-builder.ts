import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { mutate, setEnv } from "../../lifecycle/oci/mutate.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { type Person, succeed } from "./tspack.ts";

/** A builder whose one buildpack, `test/scripted`, does what the application's own scripts say. */
export const scriptedBuilder = "e2e/builder:scripted";

/** The default run image with the variables of a build image: small, so that it is unpacked at once. */
export const smallBuildImage = "e2e/build:small";

/** A context that says nothing, for the stores. */
export const storeContext = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};

/** Makes the scripted builder in a person's store. `directory` gets its files. */
export async function makeScriptedBuilder(person: Person, directory: string): Promise<void> {
  await makeSmallBuildImage(person);
  writeTree(directory, scriptedBuilderFiles);
  await succeed(person, ["builder", "create", scriptedBuilder, "--config", join(directory, "builder.toml")]);
}

/** Puts the small build image into a person's store. */
export async function makeSmallBuildImage(person: Person): Promise<void> {
  const store = layoutStore(join(person.home, "data/images"));
  const run = await store.resolve(parseReference("tspack.local/run:bookworm"));
  if (run === undefined) throw new Error("there is no default run image");
  const ids = [["CNB_USER_ID", "1000"] as const, ["CNB_GROUP_ID", "1000"] as const];
  await store.write(mutate(run, setEnv(ids)), [parseReference(smallBuildImage)], { ctx: storeContext });
}

/** The files of the scripted builder. */
export const scriptedBuilderFiles: Readonly<Record<string, string>> = {
  "builder.toml": `[build]
image = "${smallBuildImage}"
[[buildpacks]]
uri = "scripted"
[[order]]
[[order.group]]
id = "test/scripted"
version = "1.0.0"
`,
  "scripted/buildpack.toml": `api = "0.11"
[buildpack]
id = "test/scripted"
version = "1.0.0"
name = "Does what the application says"
[[targets]]
os = "linux"
`,
  "scripted/bin/detect": "#!/bin/sh\nif [ -f detect.sh ]; then exec sh ./detect.sh; fi\n[ -f build.sh ] || exit 100\n",
  "scripted/bin/build": "#!/bin/sh\nexec bash ./build.sh\n",
};

/** Writes files by their path; those in `bin/` can be run. */
export function writeTree(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, name.includes("/bin/") ? 0o755 : 0o644);
  }
}

/** An application of scripts in a new directory; returns the directory. */
export function scriptedApp(directory: string, scripts: { readonly detect?: string; readonly build?: string }): string {
  mkdirSync(directory, { recursive: true });
  if (scripts.detect !== undefined) writeFileSync(join(directory, "detect.sh"), scripts.detect);
  if (scripts.build !== undefined) writeFileSync(join(directory, "build.sh"), scripts.build);
  return directory;
}
