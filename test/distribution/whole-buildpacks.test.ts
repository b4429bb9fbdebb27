import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { moduleEntries, readModuleDirectory } from "../../lifecycle/platform/buildpacks/directory-module.ts";
import { component, composite, scratch, tree } from "../platform/buildpacks/module-fixture.ts";

const root = resolve(import.meta.dirname, "../..");
const directory = scratch("whole-buildpacks");
const [source, output] = [join(directory, "buildpacks"), join(directory, "dist")];

/** As the package's build does it. */
function make(from = source, to = output): void {
  const script = join(root, "lifecycle/distribution/whole-buildpacks.mjs");
  const program = `import { wholeBuildpacks } from ${JSON.stringify(script)};
    wholeBuildpacks(${JSON.stringify({ source: from, output: to })});`;
  execFileSync(process.execPath, ["--input-type=module", "-e", program], { stdio: "pipe" });
}

tree(source, { "shared/say.sh": "say() { :; }\n", "README.md": "all\n" });
tree(join(source, "one"), { ...component("t/one", "1"), "lib/own.sh": "own\n" });
symlinkSync("../../shared/say.sh", join(source, "one/lib/say.sh"));

it("has files in place of links, with their modes, and nothing that only others take", () => {
  make();
  expect(readFileSync(join(output, "one/lib/say.sh"), "utf8")).toBe("say() { :; }\n");
  expect(statSync(join(output, "one/bin/detect")).mode & 0o777).toBe(0o755);
  expect(statSync(join(output, "one/lib/say.sh")).isFile()).toBe(true);
  expect([existsSync(join(output, "README.md")), existsSync(join(output, "shared"))]).toEqual([true, false]);
});

it("writes what changed, removes what is gone and leaves the rest alone", () => {
  const before = statSync(join(output, "one/lib/say.sh")).ino;
  writeFileSync(join(source, "one/bin/build"), "#!/bin/sh\n# new\n");
  chmodSync(join(source, "one/bin/detect"), 0o700);
  rmSync(join(source, "one/lib/own.sh"));
  mkdirSync(join(output, "gone/lib"), { recursive: true });
  writeFileSync(join(output, "gone/lib/old.sh"), "");
  make();
  expect(readFileSync(join(output, "one/bin/build"), "utf8")).toContain("# new");
  expect(statSync(join(output, "one/bin/detect")).mode & 0o777).toBe(0o700);
  expect([existsSync(join(output, "one/lib/own.sh")), existsSync(join(output, "gone"))]).toEqual([false, false]);
  expect(statSync(join(output, "one/lib/say.sh")).ino).toBe(before);
});

it("refuses a link that leads out of the folder, or to nothing", () => {
  for (const target of ["../../../secret", "../../shared/missing.sh"]) {
    writeFileSync(join(directory, "secret"), "");
    const link = join(source, "one/lib/link.sh");
    symlinkSync(target, link);
    expect(() => make()).toThrow(/link\.sh/);
    rmSync(link);
  }
});

it("makes every buildpack of this repository one that can be packed", () => {
  const own = join(directory, "own");
  make(join(root, "buildpacks"), own);
  for (const name of ["nodejs", "npm-install", "init", "apps"]) {
    const descriptor = readModuleDirectory(join(own, name), "buildpack");
    const entries = moduleEntries("buildpack", descriptor, join(own, name));
    expect(entries.filter(({ type }) => type !== "dir" && type !== "file")).toEqual([]);
  }
});

it("a buildpack whose link leads beside it is refused with what to do, other links stay", () => {
  const plain = tree(join(source, "two"), { ...component("t/two", "1"), "lib/a": "" });
  symlinkSync("a", join(plain, "lib/b"));
  symlinkSync("/bin/sh", join(plain, "lib/c"));
  symlinkSync("../../nowhere", join(plain, "lib/d"));
  const entriesOf = (folder: string): ReturnType<typeof moduleEntries> =>
    moduleEntries("buildpack", readModuleDirectory(folder, "buildpack"), folder);
  expect(entriesOf(plain).flatMap((entry) => (entry.type === "symlink" ? [entry.linkname] : []))).toEqual([
    "a",
    "/bin/sh",
    "../../nowhere",
  ]);
  expect(() => entriesOf(join(source, "one"))).toThrow(
    expect.objectContaining({
      code: "INVALID_BUILDPACK",
      message: expect.stringContaining("one/lib/say.sh") as string,
    }),
  );
  const parts = tree(join(source, "all"), composite("t/all", "1", ["t/one@1"]));
  expect(entriesOf(parts).filter(({ type }) => type === "file")).toHaveLength(1);
});
