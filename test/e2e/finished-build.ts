import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { noise } from "../fakes/images.ts";
import { type Finished, follow, packageFile, type Running } from "./tspack.ts";

/** The directories of a build that has ended, ready to be exported by any Node. */
export interface FinishedBuild {
  readonly directory: string;
  /** The layer for launch and cache, and the one for the cache alone. */
  readonly layers: readonly [launch: string, cached: string];
  /** Runs a phase of the built program to its end, whatever that is. */
  readonly phase: (node: string, name: PhaseName, ...args: readonly string[]) => Promise<Finished>;
  /** Starts one. */
  readonly start: (node: string, name: PhaseName, ...args: readonly string[]) => Running;
  /** Where phases keep what is temporary. */
  readonly temporary: string;
  /** Says again what the layers are for, which a restore leaves to the buildpack. */
  readonly declareLayers: () => void;
  /** Takes away what a restore brings back. */
  readonly forgetLayers: () => void;
}

type PhaseName = "analyze" | "export" | "restore";

/** Text that compresses and bytes that do not, of more than one block and frame. */
const files: Readonly<Record<string, Uint8Array | string>> = {
  "layers/tests_one/data/words.txt": "what a layer is made of, again and again\n".repeat(125_000),
  "layers/tests_one/data/noise": noise(3_000_000, 7),
  "layers/tests_one/data/deep/er/file": "in a directory\n",
  "layers/tests_one/data/empty": "",
  "layers/tests_one/tools/tool": noise(500_000, 8),
  "app/index.html": "<h1>hello</h1>\n",
};

/** Makes one for images on a run image. The phases become the user 1000, also when root starts them. */
export function finishedBuild(directory: string, runImage: string): FinishedBuild {
  const at = (name: string): string => join(directory, name);
  const all: Readonly<Record<string, Uint8Array | string>> = {
    ...files,
    "layers/config/metadata.toml": 'buildpack-default-process-type = ""\n',
    "layers/group.toml": '[[group]]\nid = "tests/one"\nversion = "1"\napi = "0.10"\n',
    "run.toml": `[[images]]\nimage = "${runImage}"\n`,
    launcher: "launcher",
  };
  for (const [name, content] of Object.entries(all)) {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), content);
  }
  const declareLayers = (): void => {
    writeFileSync(at("layers/tests_one/data.toml"), "[types]\nlaunch = true\ncache = true\n");
    writeFileSync(at("layers/tests_one/tools.toml"), "[types]\ncache = true\n");
  };
  declareLayers();
  symlinkSync("words.txt", at("layers/tests_one/data/link"));
  for (const name of ["home", "tmp"]) mkdirSync(at(name));
  for (const name of ["layers", "layers/tests_one", "home", "tmp"]) chmodSync(at(name), 0o777);
  const user = ["-uid", String(process.getuid?.() || 1000), "-gid", String(process.getgid?.() || 1000)];
  const options = {
    analyze: ["-run", at("run.toml")],
    restore: [],
    export: ["-run", at("run.toml"), "-app", at("app"), "-launcher", at("launcher")],
  };
  const env = {
    HOME: at("home"),
    TMPDIR: at("tmp"),
    PATH: process.env["PATH"] ?? "",
    CNB_PLATFORM_API: "0.13",
    CNB_NO_COLOR: "true",
  };
  const start: FinishedBuild["start"] = (node, name, ...args) => {
    const program = [packageFile("dist/lifecycle.js"), name, "-layers", at("layers")];
    return follow(
      spawn(node, [...program, ...user, ...options[name], ...args], { env, stdio: ["ignore", "pipe", "pipe"] }),
    );
  };
  const [data, tools] = [at("layers/tests_one/data"), at("layers/tests_one/tools")];
  return {
    directory,
    layers: [data, tools],
    start,
    phase: (...call) => start(...call).done,
    temporary: at("tmp"),
    declareLayers,
    forgetLayers: () => {
      for (const path of [data, tools]) if (existsSync(path)) takeAway(path, at);
    },
  };
}

/**
 * Removes few files, and moves many aside: ext4 looks for new files' inodes past all those that were removed a moment
 * ago, for seconds.
 */
function takeAway(path: string, at: (name: string) => string): void {
  if (readdirSync(path).length < 100) rmSync(path, { recursive: true });
  else renameSync(path, join(mkdtempSync(at("aside-")), "layer"));
}
