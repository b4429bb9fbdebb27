import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../../lifecycle/logger.ts";
import {
  openProject,
  type OpenProjectOptions,
  type Project,
} from "../../../lifecycle/platform/project/open-project.ts";

let folder = "";
let app = "";
let warnings: string[] = [];
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "tspack-project-")));
  app = join(folder, "app");
  warnings = [];
  mkdirSync(app);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const code = (value: string): object => expect.objectContaining({ code: value }) as object;

function open(text: string | undefined, more: Partial<OpenProjectOptions> = {}): Promise<Project> {
  if (text !== undefined) writeFileSync(join(app, "project.toml"), text);
  return openProject({
    directory: app,
    cwd: folder,
    execEnv: "production",
    foreign: false,
    logger: { ...silentLogger, warn: (line) => warnings.push(line) },
    ...more,
  });
}

const v3 = '[_]\nschema-version = "0.3"\n';

describe("the project descriptor of an application", () => {
  test("need not be there", async () => {
    const project = await open(undefined);
    expect(project).toMatchObject({ path: undefined, selects: false, builder: undefined, env: {}, source: undefined });
    expect(project.include("anything")).toBe(true);
    expect(project.buildpacks.requests).toEqual([]);
  });

  test("asks for buildpacks, relative to its own directory", async () => {
    const project = await open(`${v3}version = "1.0"
[io.buildpacks]
builder = "./builder.toml"
exclude = ["./x", "y"]
[[io.buildpacks.group]]
id = "a"
version = "2"
[[io.buildpacks.group]]
id = "in"
[io.buildpacks.group.script]
api = "0.10"
inline = "true"
shell = "/bin/bash"
[[io.buildpacks.pre.group]]
uri = "./pre"
`);
    expect(project.buildpacks).toEqual({
      baseDir: app,
      requests: [
        { kind: "id", id: "a", version: "2" },
        { kind: "inline", id: "in", version: "0.0.0", api: "0.10", script: "true", shell: "/bin/bash" },
      ],
    });
    expect(project.pre).toEqual({ baseDir: app, requests: [{ kind: "uri", uri: "./pre" }] });
    expect(project.builder).toBe(join(app, "builder.toml"));
    expect(project.selects).toBe(true);
    expect(project.source).toEqual({ type: "project", version: { declared: "1.0" }, metadata: { url: "" } });
    expect(warnings).toEqual([expect.stringContaining('"./x" matches nothing')]);
  });

  test("has variables and buildpacks for some execution environments only", async () => {
    const text = `${v3}
[[io.buildpacks.build.env]]
name = "ALL"
value = "1"
[[io.buildpacks.build.env]]
name = "MODE"
value = "prod"
exec-env = ["production"]
[[io.buildpacks.build.env]]
name = "MODE"
value = "test"
exec-env = ["test", "ci"]
[[io.buildpacks.group]]
id = "tester"
exec-env = ["test"]
[[io.buildpacks.group]]
id = "any"
exec-env = ["*"]
`;
    const ids = ({ buildpacks }: Project): readonly unknown[] =>
      buildpacks.requests.map((request) => (request.kind === "id" ? request.id : undefined));
    const [production, testing] = [await open(text), await open(text, { execEnv: "test" })];
    expect([production.env, ids(production)]).toEqual([{ ALL: "1", MODE: "prod" }, ["any"]]);
    expect([testing.env, ids(testing)]).toEqual([{ ALL: "1", MODE: "test" }, ["tester", "any"]]);
  });

  test("may be another file, which has to be there", async () => {
    writeFileSync(join(folder, "other.toml"), `${v3}[io.buildpacks]\nbuilder = "b"\n`);
    const project = await open("not = toml =", { descriptor: "other.toml" });
    expect([project.path, project.builder, project.buildpacks.baseDir]).toEqual([
      join(folder, "other.toml"),
      "b",
      folder,
    ]);
    await expect(open(undefined, { descriptor: "absent.toml" })).rejects.toEqual(code("FILE_NOT_FOUND"));
    await expect(open(undefined, { descriptor: "." })).rejects.toEqual(code("INVALID_ARGUMENTS"));
  });

  test("that is no TOML is named with line and column", async () => {
    await expect(open("[_]\nschema-version = ")).rejects.toMatchObject({
      code: "INVALID_TOML",
      issues: [{ source: expect.stringContaining(`${app}/project.toml:2`) as string }],
    });
  });

  test("is no link out of the application, no pipe and no directory", async () => {
    writeFileSync(join(folder, "secret"), "password");
    symlinkSync("../secret", join(app, "project.toml"));
    await expect(open(undefined)).rejects.toEqual(code("INVALID_ARGUMENTS"));
    rmSync(join(app, "project.toml"));
    symlinkSync("absent", join(app, "project.toml"));
    await expect(open(undefined)).rejects.toEqual(code("FILE_NOT_FOUND"));
    rmSync(join(app, "project.toml"));
    execFileSync("mkfifo", [join(app, "project.toml")]);
    await expect(open(undefined)).rejects.toEqual(code("INVALID_ARGUMENTS"));
  });

  test("of a fetched application names no file of this machine", async () => {
    symlinkSync("/etc", join(app, "link"));
    mkdirSync(join(app, "own"));
    const named = (uri: string): string => `[[io.buildpacks.group]]\nuri = ${JSON.stringify(uri)}\n`;
    const good = ["./own", "own", "https://example.com/x.tgz", "docker://example.com/x", "urn:cnb:builder:a@1"];
    await open(v3 + good.map(named).join(""), { foreign: true });
    const bad = ["/etc", "../x", "own/../../x", "file:///etc", "link", "oci:/x", "urn:../../../../etc"];
    await expect(open(v3 + bad.map(named).join(""), { foreign: true })).rejects.toMatchObject({
      code: "INVALID_PROJECT",
      issues: bad.map((uri) => ({ got: JSON.stringify(uri) })),
    });
    await open(v3 + bad.map(named).join(""), { foreign: false });
  });

  test("of a fetched application has no builder.toml as its builder, which could name any file", async () => {
    for (const builder of ["builder.toml", "./b/builder.toml", "../x", "oci:../x"])
      await expect(open(`${v3}[io.buildpacks]\nbuilder = "${builder}"\n`, { foreign: true })).rejects.toMatchObject({
        code: "INVALID_PROJECT",
        issues: [{ path: "io.buildpacks.builder", got: JSON.stringify(builder) }],
      });
    await open(`${v3}[io.buildpacks]\nbuilder = "example.com/builder:1"\n`, { foreign: true });
  });

  test("of a fetched application confines what is looked up later, but not one that the person named", async () => {
    const text = `${v3}[[io.buildpacks.group]]\nuri = "own"\n`;
    expect((await open(text, { foreign: true })).buildpacks.within).toBe(app);
    expect((await open(text, { foreign: false })).buildpacks.within).toBeUndefined();
    writeFileSync(join(folder, "mine.toml"), `${v3}[[io.buildpacks.group]]\nuri = "/etc"\n`);
    const named = await open(undefined, { foreign: true, descriptor: "mine.toml" });
    expect(named.buildpacks.within).toBeUndefined();
  });
});
