import { decodeToml, type TableReader } from "../../decode.ts";
import type { TomlDocument } from "../../toml.ts";

/** A build argument that an extension gives its Dockerfile. */
export interface ExtendArg {
  readonly name: string;
  readonly value: string;
}

/** `extend-config.toml`: arguments for the Dockerfile of each image. Image extension specification. */
export interface ExtendConfig {
  readonly build: readonly ExtendArg[];
  readonly run: readonly ExtendArg[];
}

/** Arguments that the lifecycle gives to every Dockerfile, so no extension may. */
export const lifecycleArgs: readonly string[] = ["build_id", "user_id", "group_id"];

/** Reads `extend-config.toml`. Throws `INVALID_DOCKERFILE` with the fields, also for an argument of the lifecycle's. */
export function decodeExtendConfig(document: TomlDocument): ExtendConfig {
  return decodeToml(document, { code: "INVALID_DOCKERFILE" }, (root) => ({
    build: readArgs(root.subTable("build")),
    run: readArgs(root.subTable("run")),
  }));
}

function readArgs(image: TableReader): readonly ExtendArg[] {
  return image.tables("args").map((arg) => {
    const name = arg.requiredString("name");
    if (lifecycleArgs.includes(name)) arg.issue("name", `a name that is not one of ${lifecycleArgs.join(", ")}`);
    return { name, value: arg.string("value") ?? "" };
  });
}
