import { decodeToml, type TableReader } from "../../decode.ts";
import type { TomlDocument, TomlTable } from "../../toml.ts";
import { findUnknownKeys, type ProjectWarning } from "./project-toml-keys.ts";

/** A buildpack in a group of project.toml. `io.buildpacks.group`. */
export interface ProjectBuildpack {
  readonly id: string | undefined;
  readonly version: string | undefined;
  readonly uri: string | undefined;
  readonly script: { readonly api: string; readonly inline: string; readonly shell: string } | undefined;
  /** Execution environments that it is for; empty: all. Schema 0.3. */
  readonly execEnv: readonly string[];
}

/** A variable for the build. `io.buildpacks.build.env`. */
export interface ProjectVariable {
  readonly name: string;
  readonly value: string;
  /** Execution environments that it is for; empty: all. Schema 0.3. */
  readonly execEnv: readonly string[];
}

/** project.toml in the shape of the newest schema. Project descriptor 0.1 to 0.3. */
export interface ProjectToml {
  readonly schemaVersion: SchemaVersion;
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly authors: readonly string[];
  readonly documentationUrl: string | undefined;
  readonly sourceUrl: string | undefined;
  readonly licenses: readonly { readonly type: string | undefined; readonly uri: string | undefined }[];
  readonly metadata: TomlTable;
  readonly builder: string | undefined;
  /** Patterns of what takes part, as in .gitignore; undefined: everything. Never together with `exclude`. */
  readonly include: readonly string[] | undefined;
  readonly exclude: readonly string[] | undefined;
  readonly group: readonly ProjectBuildpack[];
  readonly pre: readonly ProjectBuildpack[];
  readonly post: readonly ProjectBuildpack[];
  readonly env: readonly ProjectVariable[];
}

/** The schemas of project.toml that are understood. */
export type SchemaVersion = "0.1" | "0.2" | "0.3";

/** A descriptor, and what is in the file without having an effect. */
export interface DecodedProject {
  readonly project: ProjectToml;
  readonly warnings: readonly ProjectWarning[];
}

const options = {
  code: "INVALID_PROJECT",
  hint: "the fields are listed in lifecycle/platform/project/README.md",
} as const;

/**
 * Reads project.toml. Keys without a meaning become warnings, wrong values the error
 * `INVALID_PROJECT` with all of them. Project descriptor.
 */
export function decodeProjectToml(document: TomlDocument): DecodedProject {
  const schema = decodeToml(document, options, readSchemaVersion);
  const project = decodeToml(document, options, (root) =>
    schema.known === "0.1" ? readOld(root) : readNew(root, schema.known),
  );
  const unversioned = schema.given
    ? []
    : [{ place: document.source, text: 'there is no schema-version in [_], so the file is read as schema "0.1"' }];
  return { project, warnings: [...unversioned, ...findUnknownKeys(document, schema.known)] };
}

function readSchemaVersion(root: TableReader): { readonly known: SchemaVersion; readonly given: boolean } {
  const underscore = root.subTable("_");
  const given = underscore.string("schema-version");
  if (given === "0.1" || given === "0.2" || given === "0.3") return { known: given, given: true };
  if (given !== undefined) underscore.issue("schema-version", '"0.1", "0.2" or "0.3"');
  // Read as 0.1, all of it would be passed over, the list of excluded files too.
  else if (root.has("_") || root.has("io")) underscore.issue("schema-version", '"0.2" or "0.3"', "nothing");
  return { known: "0.1", given: false };
}

function readNew(root: TableReader, schemaVersion: "0.2" | "0.3"): ProjectToml {
  const about = root.subTable("_");
  const buildpacks = root.subTable("io").subTable("buildpacks");
  const execEnv = schemaVersion === "0.3";
  const build = buildpacks.subTable("build");
  // The first implementation of 0.2 had the key the wrong way round.
  const variables = execEnv || build.has("env") ? build.tables("env") : buildpacks.subTable("env").tables("build");
  const groupOf = (key: "pre" | "post"): readonly ProjectBuildpack[] =>
    buildpacks
      .subTable(key)
      .tables("group")
      .map((entry) => readBuildpack(entry, execEnv));
  return {
    ...readAbout(about, schemaVersion),
    metadata: about.freeTable("metadata") ?? {},
    builder: buildpacks.string("builder"),
    ...readSelection(buildpacks),
    group: buildpacks.tables("group").map((entry) => readBuildpack(entry, execEnv)),
    pre: groupOf("pre"),
    post: groupOf("post"),
    env: variables.map((entry) => readVariable(entry, execEnv)),
  };
}

function readOld(root: TableReader): ProjectToml {
  const build = root.subTable("build");
  return {
    ...readAbout(root.subTable("project"), "0.1"),
    metadata: root.freeTable("metadata") ?? {},
    builder: build.string("builder"),
    ...readSelection(build),
    group: build.tables("buildpacks").map((entry) => readBuildpack(entry, false)),
    pre: [],
    post: [],
    env: build.tables("env").map((entry) => readVariable(entry, false)),
  };
}

type About = Pick<
  ProjectToml,
  "schemaVersion" | "id" | "name" | "version" | "authors" | "documentationUrl" | "sourceUrl" | "licenses"
>;

function readAbout(about: TableReader, schemaVersion: SchemaVersion): About {
  return {
    schemaVersion,
    id: about.string("id"),
    name: about.string("name"),
    version: about.string("version"),
    authors: about.strings("authors") ?? [],
    documentationUrl: about.string("documentation-url"),
    sourceUrl: about.string("source-url"),
    licenses: about.tables("licenses").map((license) => {
      const [type, uri] = [license.string("type"), license.string("uri")];
      if (!license.has("type") && !license.has("uri")) license.issue(undefined, "a type or a uri", "neither");
      return { type, uri };
    }),
  };
}

function readSelection(reader: TableReader): Pick<ProjectToml, "include" | "exclude"> {
  const [include, exclude] = [reader.strings("include"), reader.strings("exclude")];
  if (include !== undefined && exclude !== undefined) reader.issue("exclude", "either include or exclude", "both");
  return { include: include?.length === 0 ? undefined : include, exclude: exclude?.length === 0 ? undefined : exclude };
}

function readBuildpack(reader: TableReader, hasExecEnv: boolean): ProjectBuildpack {
  const [id, version, uri] = [reader.string("id"), reader.string("version"), reader.string("uri")].map(
    (text) => text || undefined,
  );
  const script = reader.optionalTable("script");
  if (id === undefined && uri === undefined) reader.issue(undefined, "an id or a uri", "neither");
  if (uri !== undefined && version !== undefined) reader.issue("version", "either uri or version", "both");
  if (uri !== undefined && script !== undefined) reader.issue("script", "either uri or script", "both");
  if (id === undefined && script !== undefined) reader.issue("id", "the id of the inline buildpack", "nothing");
  return {
    id,
    version,
    uri,
    script: script === undefined ? undefined : readScript(script),
    execEnv: hasExecEnv ? (reader.strings("exec-env") ?? []) : [],
  };
}

function readScript(reader: TableReader): ProjectBuildpack["script"] {
  const shell = reader.string("shell") || "/bin/sh";
  // It becomes the first line of a script: nothing but a path of a program and its options fits in there.
  if (!/^\/[^\0-\x1f]*$/.test(shell)) reader.issue("shell", "the absolute path of a shell");
  return { api: reader.requiredString("api"), inline: reader.requiredString("inline"), shell };
}

function readVariable(reader: TableReader, hasExecEnv: boolean): ProjectVariable {
  const name = reader.requiredString("name");
  if (/[/=\0]/.test(name) || name === "." || name === "..") reader.issue("name", "a name without / and =");
  const value = reader.string("value");
  if (!reader.has("value")) reader.issue("value", 'a string; "" for an empty one', "nothing");
  return { name, value: value ?? "", execEnv: hasExecEnv ? (reader.strings("exec-env") ?? []) : [] };
}
