import { decodeToml, type TableReader } from "../../decode.ts";
import type { TomlDocument } from "../../toml.ts";
import { asExtension, type OrderGroup, readOrder } from "./group.ts";
import type { RunImageForExport } from "./run-toml.ts";
import { readSystem, type SystemToml } from "./system.ts";
import type { PackageTarget } from "./package-toml.ts";

/** A buildpack or extension that a builder is made of. */
export interface BuilderSource {
  /** A directory or file relative to the one that names it, an address, or `docker://` and an image. */
  readonly uri?: string | undefined;
  /** The older way to name an image. */
  readonly image?: string | undefined;
  /** When given, they have to be those that it says of itself. */
  readonly id?: string | undefined;
  readonly version?: string | undefined;
}

/** A variable that the builder's maker sets for all buildpacks. Platform specification, "Operator-defined variables". */
export interface BuildConfigVariable {
  readonly name: string;
  readonly value: string;
  readonly suffix: string;
  readonly delim: string | undefined;
}

/** Where the lifecycle comes from. */
export interface LifecycleSource {
  readonly uri?: string | undefined;
  readonly version?: string | undefined;
}

/** What a builder is made of: `builder.toml`, in the form that platforms of the ecosystem read. */
export interface BuilderToml {
  readonly description: string;
  readonly buildpacks: readonly BuilderSource[];
  readonly extensions: readonly BuilderSource[];
  readonly order: readonly OrderGroup[];
  readonly orderExtensions: readonly OrderGroup[];
  readonly system: SystemToml;
  readonly stackId: string | undefined;
  /** The build image; undefined: that of the default stack. */
  readonly buildImage: string | undefined;
  readonly buildEnv: readonly BuildConfigVariable[];
  /** The run images, best first; empty: that of the default stack. */
  readonly runImages: readonly RunImageForExport[];
  /** Undefined: tspack's own. */
  readonly lifecycle: LifecycleSource | undefined;
  readonly targets: readonly PackageTarget[];
}

const rootKeys = [
  "description",
  "buildpacks",
  "extensions",
  "order",
  "order-extensions",
  "stack",
  "lifecycle",
  "run",
  "build",
  "targets",
  "system",
];

/** Reads `builder.toml`. Throws `INVALID_BUILDER` with every problem, unknown keys among them. */
export function decodeBuilderToml(document: TomlDocument): BuilderToml {
  const hint = "the fields are listed in lifecycle/platform/builder/README.md";
  return decodeToml(document, { code: "INVALID_BUILDER", hint }, (root) => {
    onlyKeys(root, rootKeys);
    const order = readOrder(root, "order");
    if (order.length === 0) root.issue("order", "at least one [[order]] with a group", "none");
    const stack = readStack(root);
    return {
      description: root.string("description") ?? "",
      buildpacks: root.tables("buildpacks").map(readSource),
      extensions: root.tables("extensions").map(readSource),
      order,
      orderExtensions: readOrder(root, "order-extensions").map(({ group }) => ({ group: group.map(asExtension) })),
      system: readSystem(root),
      ...readBuild(root, stack),
      stackId: stack.string("id"),
      runImages: readRunImages(root, stack),
      lifecycle: readLifecycle(root),
      targets: root.tables("targets").map(readTarget),
    };
  });
}

function onlyKeys(reader: TableReader, keys: readonly string[]): void {
  for (const key of reader.keys())
    if (!keys.includes(key)) reader.issue(key, `one of ${keys.join(", ")}`, JSON.stringify(key));
}

function readStack(root: TableReader): TableReader {
  const stack = root.subTable("stack");
  onlyKeys(stack, ["id", "build-image", "run-image", "run-image-mirrors"]);
  return stack;
}

function readSource(reader: TableReader): BuilderSource {
  const [uri, image] = [reader.string("uri"), reader.string("image")];
  if ((uri ?? "") === "" && (image ?? "") === "") reader.issue("uri", "a string that is not empty", "nothing");
  if (uri !== undefined && image !== undefined) reader.issue("image", "either uri or image", "both");
  return { uri, image, id: reader.string("id"), version: reader.string("version") };
}

function readBuild(root: TableReader, stack: TableReader): Pick<BuilderToml, "buildImage" | "buildEnv"> {
  const build = root.subTable("build");
  onlyKeys(build, ["image", "env"]);
  const [image, old] = [build.string("image"), stack.string("build-image")];
  if (image !== undefined && old !== undefined && image !== old)
    stack.issue("build-image", `${JSON.stringify(image)}, as build.image says`);
  return { buildImage: image ?? old, buildEnv: build.tables("env").map(readVariable) };
}

const suffixes = ["", "default", "override", "append", "prepend"];

function readVariable(reader: TableReader): BuildConfigVariable {
  const [name, suffix] = [reader.requiredString("name"), reader.string("suffix") ?? ""];
  const delim = reader.string("delim");
  if (name !== "" && !/^[^/=\0.]+$/.test(name)) reader.issue("name", "a name without / = and .");
  if (!suffixes.includes(suffix)) reader.issue("suffix", suffixes.slice(1).join(", "));
  if ((suffix === "append" || suffix === "prepend") && delim === undefined)
    reader.issue("delim", `what stands between the values, as suffix is ${suffix}`, "nothing");
  if (reader.has("exec-env")) reader.issue("exec-env", "nothing: files of build-config have no execution environment");
  return { name, value: reader.string("value") ?? "", suffix, delim };
}

function readRunImages(root: TableReader, stack: TableReader): readonly RunImageForExport[] {
  const run = root.subTable("run");
  onlyKeys(run, ["images"]);
  const named = run.tables("images").map((image) => ({
    image: image.requiredString("image"),
    mirrors: image.strings("mirrors") ?? [],
  }));
  const old = stack.string("run-image");
  const [first] = named;
  if (first !== undefined && old !== undefined && first.image !== old)
    stack.issue("run-image", `${JSON.stringify(first.image)}, as run.images says`);
  if (first !== undefined) return named;
  return old === undefined ? [] : [{ image: old, mirrors: stack.strings("run-image-mirrors") ?? [] }];
}

function readLifecycle(root: TableReader): LifecycleSource | undefined {
  const lifecycle = root.optionalTable("lifecycle");
  if (lifecycle === undefined) return undefined;
  onlyKeys(lifecycle, ["uri", "version"]);
  const [uri, version] = [lifecycle.string("uri"), lifecycle.string("version")];
  if (uri !== undefined && version !== undefined) lifecycle.issue("version", "either uri or version", "both");
  if (version !== undefined && !/^\d+\.\d+\.\d+(?:[-+].*)?$/.test(version))
    lifecycle.issue("version", "a semantic version, such as 0.21.0");
  return { uri, version };
}

function readTarget(reader: TableReader): PackageTarget {
  return {
    os: reader.string("os") ?? "linux",
    arch: reader.string("arch") ?? "",
    variant: reader.string("variant") ?? "",
  };
}
