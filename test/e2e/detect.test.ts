import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Detection } from "../../lifecycle/platform/detect/detect-application.ts";
import { readExpectation } from "./samples.ts";
import { leftovers, packageFile, type Person, removeAll, scratchDirectory, self, succeed, tspack } from "./tspack.ts";

let person: Person;
let directory = "";

beforeAll(async () => {
  person = await self();
  directory = scratchDirectory("detect");
});
afterAll(() => {
  removeAll(directory);
});

/** A directory with files. */
function application(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(directory, name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(path, file, ".."), { recursive: true });
    writeFileSync(join(path, file), text);
  }
  return path;
}

/** A buildpack whose `bin/detect` is a script. */
function buildpack(id: string, detect: string): string {
  const path = application(`buildpack-${id}`, {
    "buildpack.toml": `api = "0.10"\n[buildpack]\nid = "e2e/${id}"\nversion = "1.0.0"\n[[targets]]\nos = "linux"\n`,
    "bin/detect": `#!/bin/sh\n${detect}\n`,
    "bin/build": "#!/bin/sh\nexit 0\n",
  });
  for (const program of ["detect", "build"]) chmodSync(join(path, "bin", program), 0o755);
  return path;
}

describe("detect", () => {
  it("names the group that builds a sample, and builds nothing", async () => {
    const path = packageFile("samples/node-hello");
    const { buildpacks } = readExpectation("node-hello");
    const { stdout } = await succeed(person, ["detect", "--path", path, "--json"]);
    const detection = JSON.parse(stdout) as Detection;
    expect(detection.passed).toBe(true);
    expect(detection.group.map(({ id }) => id)).toEqual(buildpacks);
    const last = detection.attempts.at(-1)?.buildpacks ?? [];
    // It would provide packages, which nobody requires.
    const passed = ["tspack/deb-packages", ...buildpacks];
    expect(last.filter(({ result }) => result === "pass").map(({ id }) => id)).toEqual(passed);
    expect(leftovers(person)).toEqual([]);
    const text = (await succeed(person, ["detect", "--path", path])).stdout;
    expect(text).toMatch(/^Group 1: pass$/m);
    expect(text).toContain(`Would build\n${buildpacks.map((id) => `  ${id} 0.1.0\n`).join("")}`);
  });

  it("says why nobody wants an application, and which directory was meant", async () => {
    const path = application("nested", { "apps/web/package.json": "{}" });
    const ran = await tspack(person, ["detect", "--path", path]);
    expect(ran.code).toBe(20);
    expect(ran.stdout).toMatch(/^ {2}fail +tspack\/nodejs 0\.1\.0 +declined$/m);
    expect(ran.stderr).toContain(`did you mean --path ${join(path, "apps/web")}?`);
    expect(leftovers(person)).toEqual([]);
  });

  it("shows what a buildpack wrote that went wrong", async () => {
    const path = application("plain", { "notes.txt": "" });
    const ran = await tspack(person, [
      "detect",
      "--path",
      path,
      "--buildpack",
      buildpack("broken", "echo boom; exit 7"),
    ]);
    expect(ran.code).toBe(21);
    expect(ran.stdout).toMatch(/error +e2e\/broken 1\.0\.0 +bin\/detect ended with 7\n +\| boom$/m);
  });

  it("names what one buildpack requires and none provides", async () => {
    const path = application("plain", { "notes.txt": "" });
    const needy = buildpack("needy", `printf '[[requires]]\\nname = "jdk"\\n' > "$CNB_BUILD_PLAN_PATH"`);
    const ran = await tspack(person, ["detect", "--path", path, "--buildpack", needy, "--json"]);
    expect(ran.code).toBe(20);
    const detection = JSON.parse(ran.stdout) as Detection;
    expect(detection.attempts[0]?.plan).toEqual([
      { id: "e2e/needy", version: "1.0.0", kind: "requires", name: "jdk", fatal: true },
    ]);
  });

  it.each([
    [["--path", "nowhere"], "nowhere"],
    [["--builder", "oci:nowhere"], "error BUILDER_NOT_FOUND"],
    [["--buildpack", "tspack/nodej"], "tspack/nodejs"],
    [["--env", "=x"], "--env"],
    [["--network", "bridge"], "Allowed choices"],
  ])("%j is refused", async (args, says) => {
    const ran = await tspack(person, ["detect", "--path", packageFile("samples/node-hello"), ...args]);
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toContain(says);
  });
});
