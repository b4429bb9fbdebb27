import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadModules } from "../../../lifecycle/platform/buildpacks/load-modules.ts";
import { component, composite, portsIn, scratch, tree } from "./module-fixture.ts";

const folder = realpathSync(scratch("confined"));
const app = join(folder, "app");
const ports = await portsIn(join(folder, "home"));
tree(join(folder, "private"), component("a/private", "1"));
tree(join(app, "bp"), composite("a/main", "1", ["a/private@1"]));
const scope = { baseDir: app, known: [], source: "project.toml", within: app };
const load = (within: string | undefined): Promise<unknown> =>
  loadModules({ kind: "path", path: join(app, "bp") }, "buildpack", { ...scope, within }, ports);

test("a package.toml of a fetched application brings no files of this machine along", async () => {
  writeFileSync(join(app, "bp/package.toml"), '[buildpack]\nuri = "."\n[[dependencies]]\nuri = "../../private"\n');
  await expect(load(app)).rejects.toMatchObject({ code: "INVALID_PROJECT" });
  await expect(load(undefined)).resolves.toMatchObject({ dependencies: [{ descriptor: { id: "a/private" } }] });
});

test("a package.toml that is a link is not read: an error would quote what it leads to", async () => {
  const other = join(app, "other");
  mkdirSync(other);
  tree(other, component("a/other", "1"));
  writeFileSync(join(folder, "secret"), "password = hunter2\n");
  symlinkSync(join(folder, "secret"), join(other, "package.toml"));
  const loading = loadModules({ kind: "path", path: other }, "buildpack", scope, ports);
  await expect(loading).rejects.toMatchObject({
    code: "INVALID_BUILDPACK",
    message: expect.not.stringMatching("hunter2"),
  });
});
