import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import { type Context, silentProgress } from "../../lifecycle/context.ts";
import { here, type Place } from "../../lifecycle/layers/place.ts";
import type { BuildpackInputs } from "../../lifecycle/phases/detect.ts";

/** A buildpack of a test: its scripts without the first line, and lines of `buildpack.toml`. */
export interface FixtureBuildpack {
  readonly id: string;
  readonly version?: string;
  readonly api?: string;
  /** Keys of `[buildpack]`. */
  readonly keys?: string;
  /** Tables after `[buildpack]`. */
  readonly tables?: string;
  readonly detect?: string;
  readonly build?: string;
}

/** Directories of a builder on disk, and a log that remembers. */
export interface Fixture {
  readonly dir: string;
  readonly app: Place;
  readonly layers: Place;
  readonly ctx: Context;
  /** `level line`, in order. */
  readonly log: readonly string[];
  readonly add: (...buildpacks: readonly FixtureBuildpack[]) => void;
  readonly write: (path: string, text: string) => void;
  readonly inputs: (api?: string, more?: Partial<BuildpackInputs>) => BuildpackInputs;
  readonly remove: () => void;
}

/** An empty builder in a directory of its own. */
export function fixture(): Fixture {
  const dir = mkdtempSync(join(tmpdir(), "phases-"));
  const log: string[] = [];
  const at =
    (level: string) =>
    (line: string): void => {
      log.push(`${level} ${line}`);
    };
  const logger = {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    say: at("say"),
    phase: at("phase"),
  };
  const write = (path: string, text: string): void => {
    mkdirSync(join(dir, path, ".."), { recursive: true });
    writeFileSync(join(dir, path), text);
  };
  for (const name of ["app", "layers", "platform/env", "buildpacks"]) mkdirSync(join(dir, name), { recursive: true });
  return {
    dir,
    log,
    write,
    app: here(join(dir, "app")),
    layers: here(join(dir, "layers")),
    ctx: { logger, progress: silentProgress, clock: () => new Date(), signal: new AbortController().signal },
    add: (...buildpacks) => buildpacks.forEach((buildpack) => addBuildpack(dir, buildpack)),
    inputs: (api = "0.13", more = {}) => ({
      features: platformFeatures(api),
      app: here(join(dir, "app")),
      platformDir: join(dir, "platform"),
      buildpacksDir: join(dir, "buildpacks"),
      buildConfigDir: join(dir, "build-config"),
      execEnv: undefined,
      env: { PATH: "/usr/bin:/bin", HOME: "/home/cnb", SECRET: "not for buildpacks" },
      target: { os: "linux", arch: "amd64", distro: { name: "debian", version: "12" } },
      osRelease: join(dir, "os-release"),
      ...more,
    }),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function addBuildpack(dir: string, buildpack: FixtureBuildpack): void {
  const {
    id,
    version = "1.0.0",
    api = "0.10",
    keys = "",
    tables = "",
    detect = "exit 0",
    build = "exit 0",
  } = buildpack;
  const root = join(dir, "buildpacks", id.replaceAll("/", "_"), version);
  mkdirSync(join(root, "bin"), { recursive: true });
  writeFileSync(
    join(root, "buildpack.toml"),
    `api = "${api}"\n[buildpack]\nid = "${id}"\nversion = "${version}"\n${keys}\n${tables}\n`,
  );
  for (const [name, script] of [
    ["detect", detect],
    ["build", build],
  ] as const) {
    writeFileSync(join(root, "bin", name), `#!/bin/sh\nset -eu\n${script}\n`, { mode: 0o755 });
  }
}
