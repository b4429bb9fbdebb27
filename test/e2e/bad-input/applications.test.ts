import { chmodSync, chownSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder } from "../scripted-builder.ts";
import {
  isRoot,
  leftovers,
  ordinary,
  ordinaryUser,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  tspack,
} from "../tspack.ts";

const directory = scratchDirectory("bad-applications");
const process = (type: string): string => `[[processes]]\ntype = "${type}"\ncommand = ["true"]\n`;
const build = `cat > "$CNB_LAYERS_DIR/launch.toml" <<'END'\n${process("web")}${process("worker")}END\n`;
let person: Person;

beforeAll(async () => {
  person = await self();
  await makeScriptedBuilder(person, join(directory, "builder"));
});
afterAll(() => removeAll(directory));

describe("a build of an application", () => {
  it("whose default process nobody declares lists those that are declared, and makes no image", async () => {
    const app = scriptedApp(join(directory, "app"), { build });
    const args = ["build", "e2e/no-process", "--path", app, "--builder", scriptedBuilder, "-D", "wb"];
    const { code, stdout, stderr } = await tspack(person, args);
    expect([code, stdout]).toEqual([62, ""]);
    expect(stderr).toMatch(/^error EXPORT_FAILED: /m);
    for (const type of ["wb", "web", "worker"]) expect(stderr).toContain(type);
    expect((await tspack(person, ["inspect", "e2e/no-process"])).code).not.toBe(0);
    expect(leftovers(person)).toEqual([]);
  });

  it.skipIf(!isRoot)("with a directory that its user may not read names it (needs root)", async () => {
    const other = await ordinary();
    const app = scriptedApp(join(directory, "closed"), { build });
    mkdirSync(join(app, "secret/deep"), { recursive: true });
    chmodSync(join(app, "secret"), 0o700);
    chownSync(app, ordinaryUser, ordinaryUser);
    const before = readdirSync(app);
    const args = ["build", "e2e/closed", "--path", app, "--builder", scriptedBuilder];
    const { code, stdout, stderr } = await tspack(other, args);
    expect(stderr).toMatch(/^error INVALID_ARGUMENTS: .*secret/m);
    expect(stderr).toMatch(/^hint: /m);
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).not.toContain("internal error");
    expect(readdirSync(app)).toEqual(before);
    expect(leftovers(other)).toEqual([]);
  });
});
