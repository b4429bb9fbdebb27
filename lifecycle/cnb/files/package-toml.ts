import { decodeToml, type TableReader } from "../../decode.ts";
import type { TomlDocument } from "../../toml.ts";

/** Where a package's dependency is; one of the two is there. */
export interface PackageDependency {
  readonly uri?: string | undefined;
  /** The older way to name an image. */
  readonly image?: string | undefined;
}

/** A platform that a package is made for. */
export interface PackageTarget {
  readonly os: string;
  readonly arch: string;
  readonly variant: string;
}

/** `package.toml`: which buildpack or extension is packaged, with which others. */
export interface PackageToml {
  /** Relative to the file. */
  readonly buildpack: string | undefined;
  readonly extension: string | undefined;
  readonly dependencies: readonly PackageDependency[];
  readonly targets: readonly PackageTarget[];
}

const keys = ["buildpack", "extension", "dependencies", "platform", "targets"];

/** Reads `package.toml`. Throws `INVALID_BUILDPACK` with every problem, unknown keys among them. */
export function decodePackageToml(document: TomlDocument): PackageToml {
  const hint = `keys are: ${keys.join(", ")}`;
  return decodeToml(document, { code: "INVALID_BUILDPACK", hint }, (root) => {
    for (const key of root.keys()) if (!keys.includes(key)) root.issue(key, `one of ${keys.join(", ")}`, key);
    const [buildpack, extension] = [uriOf(root, "buildpack"), uriOf(root, "extension")];
    if (buildpack === undefined && extension === undefined)
      root.issue("buildpack", "[buildpack] or [extension] with a uri", "neither");
    const os = root.subTable("platform").string("os");
    if (os !== undefined && os !== "linux") root.subTable("platform").issue("os", '"linux"');
    return {
      buildpack,
      extension,
      dependencies: root.tables("dependencies").map(readDependency),
      targets: root.tables("targets").map(readTarget),
    };
  });
}

function uriOf(root: TableReader, key: string): string | undefined {
  return root.optionalTable(key)?.requiredString("uri");
}

function readDependency(reader: TableReader): PackageDependency {
  const [uri, image] = [reader.string("uri"), reader.string("image")];
  if ((uri === undefined) === (image === undefined))
    reader.issue(undefined, "either uri or image", uri === undefined ? "neither" : "both");
  return { uri, image };
}

function readTarget(reader: TableReader): PackageTarget {
  return {
    os: reader.string("os") ?? "linux",
    arch: reader.string("arch") ?? "",
    variant: reader.string("variant") ?? "",
  };
}
