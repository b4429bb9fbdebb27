import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildGoPrograms } from "../go-modules.ts";
import { packageFile } from "../tspack.ts";

/** A lifecycle: how one of its phases is started. */
export interface Lifecycle {
  readonly name: string;
  /** The program and its first arguments; the phase and its flags follow. */
  readonly command: readonly string[];
  readonly launcher: string;
}

/** Ours, as it is in the package that is tested. */
export function ourLifecycle(): Lifecycle {
  return {
    name: "tspack",
    command: [process.execPath, packageFile("dist/lifecycle.js")],
    launcher: packageFile(`dist/native/linux-${process.arch === "arm64" ? "arm64" : "amd64"}/launcher`),
  };
}

/** The reference implementation of the golden data's version, without its extender. */
export function referenceLifecycle(): Lifecycle {
  const kaniko = { "absent.go": readFileSync(join(import.meta.dirname, "without-extender.go"), "utf8") };
  const programs = buildGoPrograms({
    source: {
      path: "github.com/buildpacks/lifecycle",
      version: "v0.21.17",
      sum: "h1:edOH8bfQb143kfBbfuoDzYqzsHcPczdZ9Cp86jnvITE=",
    },
    programs: { lifecycle: "cmd/lifecycle", launcher: "cmd/launcher" },
    variables: { "github.com/buildpacks/lifecycle/cmd.Version": "0.21.17" },
    instead: { "internal/extend/kaniko": kaniko },
  });
  return { name: "the reference", command: [join(programs, "lifecycle")], launcher: join(programs, "launcher") };
}
