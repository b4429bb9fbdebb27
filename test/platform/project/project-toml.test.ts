import { describe, expect, test } from "vitest";
import { decodeProjectToml, type DecodedProject } from "../../../lifecycle/cnb/files/project-toml.ts";
import { InputError } from "../../../lifecycle/errors.ts";
import { parseToml } from "../../../lifecycle/toml.ts";

const read = (text: string): DecodedProject => decodeProjectToml(parseToml(text, "project.toml"));

/** What is wrong, as `place: field`. */
function problems(text: string): readonly string[] {
  try {
    read(text);
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    expect(error.code).toBe("INVALID_PROJECT");
    return error.issues.map(({ source, path }) => `${source}: ${path}`);
  }
}

const v2 = '[_]\nschema-version = "0.2"\n';
const v3 = '[_]\nschema-version = "0.3"\n';

describe("project.toml", () => {
  test("of schema 0.2 has everything below _ and io.buildpacks", () => {
    const { project, warnings } = read(`[_]
schema-version = "0.2"
id = "com.example.app"
name = "App"
version = "1.2"
authors = ["a"]
documentation-url = "https://example.com/docs"
source-url = "https://example.com/src"
[[_.licenses]]
type = "MIT"
[_.metadata.any.thing]
x = 1
[com.example.tool]
anything = true
[io.buildpacks]
builder = "example/builder"
exclude = ["spec/", "!spec/keep"]
[[io.buildpacks.group]]
id = "a/b"
version = "1"
[[io.buildpacks.group]]
id = "in/line"
[io.buildpacks.group.script]
api = "0.10"
inline = "echo hi"
[[io.buildpacks.pre.group]]
uri = "./pre"
[[io.buildpacks.post.group]]
id = "c/d"
[[io.buildpacks.build.env]]
name = "K"
value = "v=1"
`);
    expect(warnings).toEqual([]);
    expect(project).toMatchObject({
      schemaVersion: "0.2",
      id: "com.example.app",
      name: "App",
      version: "1.2",
      authors: ["a"],
      sourceUrl: "https://example.com/src",
      licenses: [{ type: "MIT", uri: undefined }],
      builder: "example/builder",
      include: undefined,
      exclude: ["spec/", "!spec/keep"],
      group: [
        { id: "a/b", version: "1", script: undefined },
        { id: "in/line", script: { api: "0.10", inline: "echo hi", shell: "/bin/sh" } },
      ],
      pre: [{ uri: "./pre" }],
      post: [{ id: "c/d", version: undefined }],
      env: [{ name: "K", value: "v=1", execEnv: [] }],
    });
    expect(project.metadata).toEqual({ any: { thing: { x: 1n } } });
  });

  test("of schema 0.1 has them in project and build, and is the default", () => {
    const text = `[project]
version = "1"
source-url = "u"
[build]
include = ["a"]
builder = "b"
[[build.buildpacks]]
id = "x"
[[build.env]]
name = "K"
value = ""
[metadata]
y = 2
`;
    const { project, warnings } = read(text);
    expect(project).toMatchObject({ schemaVersion: "0.1", version: "1", include: ["a"], builder: "b" });
    expect(project.group).toMatchObject([{ id: "x" }]);
    expect(project.env).toEqual([{ name: "K", value: "", execEnv: [] }]);
    expect(warnings.map(({ text: warning }) => warning)).toEqual([expect.stringContaining("schema-version")]);
    expect(read(`[_]\nschema-version = "0.1"\n${text}`).warnings).toEqual([]);
  });

  test("has exec-env from schema 0.3 on, and the old place of variables in 0.2 only", () => {
    const variable = '[[io.buildpacks.build.env]]\nname = "K"\nvalue = "v"\nexec-env = ["test"]\n';
    expect(read(v3 + variable).project.env).toEqual([{ name: "K", value: "v", execEnv: ["test"] }]);
    const old = read(v2 + variable);
    expect(old.project.env).toEqual([{ name: "K", value: "v", execEnv: [] }]);
    expect(old.warnings).toEqual([
      { place: "project.toml:6:1", text: expect.stringContaining("it needs schema 0.3") as string },
    ]);
    const swapped = '[[io.buildpacks.env.build]]\nname = "K"\nvalue = "v"\n';
    expect(read(v2 + swapped).project.env).toMatchObject([{ name: "K" }]);
    const ignored = read(v3 + swapped);
    expect(ignored.project.env).toEqual([]);
    expect(ignored.warnings[0]?.text).toContain("io.buildpacks.env");
  });

  test("warns of each key without effect, with its place and what was perhaps meant", () => {
    const { warnings } = read(`${v2}nmae = "x"
[io.buildpacks]
exlude = [".env"]
[[io.buildpacks.group]]
id = "a"
verson = "1"
[build]
exclude = [".env"]
[tool.other]
key = 1
`);
    expect(warnings).toEqual([
      { place: "project.toml:3:1", text: "_.nmae is not in schema 0.2 and has no effect; did you mean name?" },
      {
        place: "project.toml:5:1",
        text: "io.buildpacks.exlude is not in schema 0.2 and has no effect; did you mean exclude?",
      },
      {
        place: "project.toml:8:1",
        text: "io.buildpacks.group.verson is not in schema 0.2 and has no effect; did you mean version?",
      },
      { place: "project.toml:9:1", text: "build is not in schema 0.2 and has no effect; it is [io.buildpacks] now" },
    ]);
    expect(read('[_]\nschema-version = "0.1"\n[io.buildpacks]\nexclude = ["a"]\n').warnings[0]?.text).toContain(
      "it needs schema 0.2",
    );
  });

  test.each([
    [
      "without a schema version, but with what only newer schemas have",
      "[io.buildpacks]\nexclude = []",
      ["project.toml: _.schema-version"],
    ],
    ["of a schema that does not exist", '[_]\nschema-version = "0.4"', ["project.toml:2:1: _.schema-version"]],
    [
      "with include and exclude",
      `${v2}[io.buildpacks]\ninclude = []\nexclude = []`,
      ["project.toml:5:1: io.buildpacks.exclude"],
    ],
    ["with a license of nothing", `${v2}[[_.licenses]]`, ["project.toml:3:1: _.licenses[0]"]],
    ["with a buildpack of nothing", `${v2}[[io.buildpacks.group]]`, ["project.toml:3:1: io.buildpacks.group[0]"]],
    [
      "with uri and version",
      `${v3}[[io.buildpacks.pre.group]]\nuri = "a"\nversion = "1"`,
      ["project.toml:5:1: io.buildpacks.pre.group[0].version"],
    ],
    [
      "with a script of nothing",
      `${v2}[[io.buildpacks.group]]\nid = "a"\n[io.buildpacks.group.script]\nshell = "bash"`,
      [
        "project.toml:6:1: io.buildpacks.group[0].script.shell",
        "project.toml:5:1: io.buildpacks.group[0].script.api",
        "project.toml:5:1: io.buildpacks.group[0].script.inline",
      ],
    ],
    [
      "with values of other types, all of them",
      `${v2}[io.buildpacks]\nbuilder = 1\nexclude = "a"\n[[io.buildpacks.build.env]]\nname = "a/b"`,
      [
        "project.toml:4:1: io.buildpacks.builder",
        "project.toml:5:1: io.buildpacks.exclude",
        "project.toml:7:1: io.buildpacks.build.env[0].name",
        "project.toml:6:1: io.buildpacks.build.env[0].value",
      ],
    ],
  ])("%s is an error with file and line", (_, text, expected) => {
    expect([...problems(text)].sort()).toEqual([...expected].sort());
  });
});
