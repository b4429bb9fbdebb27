// Writes what V8 compiles of a script of the bundle beside it; `npm run build` starts this for each.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { compiledFile, compiledPath, exportsOf, scriptOf } from "../distribution/script.ts";
import { pathRows } from "./options/path-rows.ts";
import type { OptionRow } from "./options/row.ts";
import type { runLifecycle } from "./run-lifecycle.ts";
import type { runTspack } from "./run-tspack.ts";

interface Exports {
  readonly runTspack?: typeof runTspack;
  readonly runLifecycle?: typeof runLifecycle;
}

const [file = ""] = process.argv.slice(2);
const home = mkdtempSync(join(tmpdir(), "tspack-compile-"));
try {
  // Compiled code is for the options that V8 has when it is written: those that a program has when it starts.
  process.getBuiltinModule("node:v8").setFlagsFromString = () => {};
  const script = scriptOf(file);
  await use(exportsOf(script, file) as Exports);
  mkdirSync(dirname(compiledPath(file)), { recursive: true });
  writeFileSync(compiledPath(file), compiledFile(file, script.createCachedData()));
} finally {
  rmSync(home, { recursive: true });
}
process.exit();

/** Functions that ran are compiled, all others are left out: so this does what is done often. */
async function use({ runTspack: tspack, runLifecycle: lifecycle }: Exports): Promise<void> {
  const env = { HOME: home, TSPACK_HOME: home, DOCKER_HOST: `unix://${home}/none` };
  const host = { env, cwd: home, stdout: () => {}, stderr: () => {}, signal: new AbortController().signal };
  writeLayout(join(home, "layout"));
  for (const argv of [
    ["--help"],
    ["inspect", "--json", `oci:${home}/layout`],
    ["images", "list"],
    ["config", "list"],
  ]) {
    await tspack?.({ ...host, argv, uid: 1, packageRoot: home, terminal: false, color: false });
  }
  // Every place is in a directory that is not there: no phase gets further than its inputs.
  const places = Object.values<OptionRow>(pathRows).flatMap(({ env: name }) =>
    name === undefined ? [] : [[name, join(home, "none", name)]],
  );
  const phaseEnv: Readonly<Record<string, string>> = { ...Object.fromEntries(places), CNB_PLATFORM_API: "0.12" };
  const user = { uid: 1, gid: 1 };
  for (const phase of ["detect", "build", "analyze", "restore", "export"])
    await lifecycle?.({ ...host, argv: [phase], program: "lifecycle", env: phaseEnv, user });
}

/** An image without layers. */
function writeLayout(directory: string): void {
  const blobs = join(directory, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const write = (mediaType: string, content: object): object => {
    const text = JSON.stringify(content);
    const hex = createHash("sha256").update(text).digest("hex");
    writeFileSync(join(blobs, hex), text);
    return { mediaType: `application/vnd.oci.image.${mediaType}.v1+json`, digest: `sha256:${hex}`, size: text.length };
  };
  const rootfs = { type: "layers", diff_ids: [] };
  const config = write("config", { os: "linux", architecture: "amd64", config: {}, rootfs, history: [] });
  const manifest = write("manifest", { schemaVersion: 2, config, layers: [] });
  writeFileSync(join(directory, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
}
