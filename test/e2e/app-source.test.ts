import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { labelsOf } from "./labels.ts";
import { makeScriptedBuilder, scriptedBuilder, writeTree } from "./scripted-builder.ts";
import { buildJson, leftovers, needs, type Person, removeAll, scratchDirectory, self, tspack } from "./tspack.ts";

const git = needs("git");
const zip = needs("zip");

let person: Person;
let directory = "";

beforeAll(async () => {
  person = await self();
  directory = scratchDirectory("source");
  await makeScriptedBuilder(person, join(directory, "builder"));
});
afterAll(() => {
  removeAll(directory);
});

/** The buildpack shows the application's files and its variables; the image has bash and nothing else. */
const build = `shopt -s globstar dotglob
for path in **; do if [ -f "$path" ]; then echo "file: $path"; fi; done
echo "greeting: $GREETING"
`;

/** An application in a new directory. */
function application(name: string, files: Readonly<Record<string, string>> = {}): string {
  const path = join(directory, name);
  writeTree(path, { "build.sh": build, ...files });
  return path;
}

const filesIn = (log: string): readonly string[] => [...log.matchAll(/file: (.*)/g)].map(([, path = ""]) => path);
const args = (path: string): readonly string[] => ["e2e/source", "--builder", scriptedBuilder, "--path", path];

describe("an application", () => {
  it(`of an archive gives the image of its directory${zip.note}`, async () => {
    const path = application("archived", { "src/a": "1", "bin/x": "2" });
    const directly = await buildJson(person, args(path));
    const tar = execFileSync("tar", ["-C", path, "-cz", "."]);
    writeFileSync(join(directory, "app.tar.gz"), tar);
    const digests = [
      (await buildJson(person, args(join(directory, "app.tar.gz")))).digest,
      (await buildJson(person, args("-"), { input: tar })).digest,
    ];
    if (!zip.skip) {
      execFileSync("zip", ["-q", "-r", join(directory, "app.zip"), "."], { cwd: path });
      digests.push((await buildJson(person, args(join(directory, "app.zip")))).digest);
    }
    for (const digest of digests) expect(digest).toBe(directly.digest);
    expect(leftovers(person)).toEqual([]);
  });

  it.skipIf(git.skip)(
    `of a repository is one directory at one commit, and the label says which${git.note}`,
    async () => {
      const path = application("repository/apps/web", { kept: "1" });
      const repository = join(directory, "repository");
      const run = (...words: readonly string[]): string =>
        execFileSync("git", ["-C", repository, "-c", "user.name=a", "-c", "user.email=a@example.com", ...words], {
          encoding: "utf8",
        });
      run("init", "-q", "-b", "main");
      run("add", "-A");
      run("commit", "-q", "-m", "one");
      writeFileSync(join(path, "later"), "");
      run("add", "-A");
      run("commit", "-q", "-m", "two");
      const commit = run("rev-parse", "HEAD~1").trim();
      const built = await buildJson(person, args(`git+file://${repository}#${commit}:apps/web`));
      expect(filesIn(built.log)).toEqual(["build.sh", "kept"]);
      const labels = await labelsOf(person, "e2e/source");
      expect(JSON.parse(labels["io.buildpacks.project.metadata"] ?? "")).toEqual({
        source: { type: "git", version: { commit }, metadata: { refs: [commit], url: `file://${repository}` } },
      });
      expect(leftovers(person)).toEqual([]);
    },
  );

  it.skipIf(git.skip)(
    `of a working tree has its commit in the label when experimental features are on, and else the same image${git.note}`,
    async () => {
      const path = application("tree", { kept: "1" });
      const before = await buildJson(person, args(path));
      const run = (...words: readonly string[]): string =>
        execFileSync("git", ["-C", path, "-c", "user.name=a", "-c", "user.email=a@example.com", ...words], {
          encoding: "utf8",
        });
      run("init", "-q", "-b", "main");
      run("add", "-A");
      run("commit", "-q", "-m", "one");
      run("remote", "add", "origin", "https://user:s3cret@example.com/tree.git");
      writeFileSync(
        join(path, "project.toml"),
        '[_]\nschema-version = "0.2"\n[io.buildpacks]\nexclude = [".git", "project.toml"]\n',
      );
      const without = await buildJson(person, args(path));
      expect(without.digest).toBe(before.digest);
      await tspack(person, ["config", "experimental", "true"]);
      try {
        await buildJson(person, args(path));
      } finally {
        await tspack(person, ["config", "experimental", "false"]);
      }
      const labels = await labelsOf(person, "e2e/source");
      const metadata = { refs: ["main"], url: "https://example.com/tree.git" };
      expect(JSON.parse(labels["io.buildpacks.project.metadata"] ?? "")).toEqual({
        source: { type: "git", version: { commit: run("rev-parse", "HEAD").trim() }, metadata },
      });
    },
  );

  it("that can not be used is refused with a way out, and nothing is left", async () => {
    const cases: readonly (readonly [string, number, string])[] = [
      [join(directory, "absent"), 1, "FILE_NOT_FOUND"],
      [join(directory, "builder/builder.toml"), 1, "INVALID_APPLICATION"],
      ["-", 1, "INVALID_APPLICATION"],
      ["git+https://user:s3cret@example.com/x", 3, "INVALID_ARGUMENTS"],
      [`git+file://${directory}/absent`, 1, "GIT_FAILED"],
    ];
    for (const [path, exit, code] of cases) {
      const { code: status, stderr } = await tspack(person, ["build", ...args(path)]);
      expect(stderr).toContain(`error ${code}: `);
      expect(stderr).toContain("hint: ");
      expect(stderr).not.toMatch(/internal error|s3cret/);
      expect(status).toBe(exit);
      expect(leftovers(person)).toEqual([]);
    }
  });
});

describe("project.toml", () => {
  const descriptor = (more: string): string => `[_]
schema-version = "0.3"
version = "1.2.3"
source-url = "https://example.com/app"
${more}`;

  it("leaves files out of the build and of the image, sets variables, chooses the builder and is beaten by options", async () => {
    const path = application("described", {
      ".env": "PASSWORD=hunter2",
      "src/.env": "PASSWORD=hunter2",
      "src/code": "",
      "project.toml": descriptor(`[io.buildpacks]
builder = "${scriptedBuilder}"
exclude = [".env"]
[[io.buildpacks.build.env]]
name = "GREETING"
value = "from project.toml"
[[io.buildpacks.build.env]]
name = "GREETING"
value = "for tests"
exec-env = ["test"]
[[io.buildpacks.post.group]]
id = "in/line"
[io.buildpacks.post.group.script]
api = "0.10"
inline = "echo inline: $GREETING"
`),
    });
    const built = await buildJson(person, ["e2e/described", "--path", path]);
    expect(filesIn(built.log)).toEqual(["build.sh", "project.toml", "src/code"]);
    expect(built.log).toContain("greeting: from project.toml");
    expect(built.log).toContain("inline: from project.toml");
    expect(built.group.map(({ id }) => id)).toEqual(["test/scripted", "in/line"]);
    const labels = await labelsOf(person, "e2e/described");
    expect(labels["io.buildpacks.project.metadata"]).toBe(
      '{"source":{"type":"project","version":{"declared":"1.2.3"},"metadata":{"url":"https://example.com/app"}}}',
    );
    writeFileSync(join(directory, "variables"), "# comment\nGREETING=from the file\n");
    const file = ["--env-file", join(directory, "variables")];
    const testing = await buildJson(person, ["e2e/described", "--path", path, "--exec-env", "test"]);
    expect(testing.log).toContain("greeting: for tests");
    const given = await buildJson(person, ["e2e/described", "--path", path, ...file]);
    expect(given.log).toContain("greeting: from the file");
    const both = await buildJson(person, ["e2e/described", "--path", path, ...file, "-e", "GREETING=from -e"]);
    expect(both.log).toContain("greeting: from -e");
  });

  it("that is wrong ends the build before anything else, with file and line", async () => {
    const path = application("wrong", { "project.toml": descriptor("[io.buildpacks]\nexclude = 1\n") });
    const { code, stderr } = await tspack(person, ["build", ...args(path)]);
    expect(stderr).toContain("error INVALID_PROJECT: ");
    expect(stderr).toContain("project.toml:6:1");
    expect(code).toBe(1);
    expect(stderr).not.toContain("ANALYZING");
  });

  it("may be another file", async () => {
    const path = application("other", { secret: "x" });
    writeFileSync(join(directory, "other.toml"), descriptor('[io.buildpacks]\ninclude = ["build.sh"]\n'));
    const built = await buildJson(person, [...args(path), "--descriptor", join(directory, "other.toml")]);
    expect(filesIn(built.log)).toEqual(["build.sh"]);
  });
});

it("a secret that .gitignore names gets into the build with a warning", async () => {
  const path = application("ignored", { ".gitignore": ".env\n", ".env": "x" });
  const built = await buildJson(person, args(path));
  expect(built.log).toMatch(/\.env: \.gitignore has no effect/);
  expect(filesIn(built.log)).toContain(".env");
});

it("an application with tspack's own files in it is built without them", async () => {
  const path = application("with-home");
  const out = join(path, "out");
  for (const round of [1, 2]) {
    const built = await buildJson(person, [...args(path), "--output", `oci:${out}`]);
    expect(filesIn(built.log)).toEqual(["build.sh"]);
    if (round === 2) expect(built.log).toContain("out of the application is tspack's own");
  }
  expect(readdirSync(out)).toContain("index.json");
});

it("100,000 files are built in bounded memory and time", async () => {
  const path = application("many", { "build.sh": "files=(d*/*); echo count: ${#files[@]}\n" });
  for (let folder = 0; folder < 500; folder += 1) {
    mkdirSync(join(path, `d${folder}`));
    for (let file = 0; file < 200; file += 1) writeFileSync(join(path, `d${folder}/f${file}`), "");
  }
  const built = await buildJson(person, args(path), { env: { NODE_OPTIONS: "--max-old-space-size=256" } });
  expect(built.log).toContain("count: 100000");
  // Of a loaded machine; alone it takes a tenth of it.
  expect(built.seconds).toBeLessThan(300);
  expect(leftovers(person)).toEqual([]);
});
