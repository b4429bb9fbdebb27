import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tspack } from "./tspack.ts";
import { describeEngines } from "./engine-site.ts";

describeEngines("builds with more than the builder has,", (at) => {
  const { scripted, ask, things } = at;

  const five: readonly string[] = [];
  const creator = ["--trust-builder"];

  it("mounts volumes read-only unless they say rw, and keeps buildpacks from the network", async () => {
    const extra = join(at.directory, "extra");
    mkdirSync(extra, { mode: 0o777 });
    execFileSync("chmod", ["777", extra]);
    writeFileSync(join(extra, "file"), "from outside");
    const offline = await scripted("e2e/offline", "--network", "none", "--volume", `${extra}:/extra`);
    expect(offline.log).toContain("extra: from outside");
    expect(offline.log).toContain("extra is read-only");
    expect(offline.log).toContain("interfaces: lo ");
    await scripted("e2e/offline", "--network", "none", "--volume", `${extra}:/extra:rw`);
    expect(readFileSync(join(extra, "made"), "utf8")).toBe("");
    const refused = await tspack(
      at.person,
      ["build", "e2e/x", "--path", at.app, "--runner", "engine", "--volume", `${extra}:/cnb/x`],
      { env: at.env },
    );
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("--volume");
  });

  it.each([
    ["five containers", () => five],
    ["the creator", () => [...creator, "--trust-extra-buildpacks"]],
    ["two containers", () => ["--output", "local"]],
  ])("builds with buildpacks that the builder does not have, in %s", async (_name, ways) => {
    const own = join(at.directory, "own");
    mkdirSync(join(own, "bin"), { recursive: true });
    writeFileSync(
      join(own, "buildpack.toml"),
      'api = "0.11"\n[buildpack]\nid = "test/own"\nversion = "2.0.0"\n[[targets]]\nos = "linux"\n',
    );
    writeFileSync(join(own, "bin/detect"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    writeFileSync(join(own, "bin/build"), "#!/bin/sh\necho own buildpack\n", { mode: 0o755 });
    const output = ways().includes("local") ? [] : ["--output", "engine"];
    const options = [...output, ...ways()];
    const { group, log } = await scripted("e2e/own", "--buildpack", own, ...options);
    expect(group).toEqual([{ id: "test/own", version: "2.0.0" }]);
    expect(log).toContain("own buildpack");
    const around = await scripted("e2e/around", "--pre-buildpack", own, ...options);
    expect(around.group.map(({ id }) => id)).toEqual(["test/own", "test/scripted"]);
    // The builder itself stays as it was.
    const plain = await scripted("e2e/plain", ...options);
    expect(plain.group.map(({ id }) => id)).toEqual(["test/scripted"]);
  });

  it("exports a group with image extensions outside of containers, which apply none", async () => {
    const extension = join(at.directory, "extension");
    const bin = join(extension, "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(extension, "extension.toml"), 'api = "0.10"\n[extension]\nid = "test/base"\nversion = "3"\n');
    const dockerfile = "ARG base_image\\nFROM ${base_image}\\nLABEL e2e.extended=yes\\n";
    const generate = `#!/bin/sh\nprintf '${dockerfile}' >"$CNB_OUTPUT_DIR/run.Dockerfile"\n`;
    writeFileSync(join(bin, "detect"), "#!/bin/sh\n", { mode: 0o755 });
    writeFileSync(join(bin, "generate"), generate, { mode: 0o755 });
    // Somebody who trusts all of it gets no creator either, which would leave the extension out.
    const trusting = ["--trust-builder", "--trust-extra-buildpacks", "--extension", extension];
    const { log } = await scripted("e2e/extended", "--output", "engine", ...trusting);
    expect(log).toContain("The group has image extensions");
    const image = await ask("/images/e2e/extended/json");
    expect(image).toMatchObject({ Config: { Labels: { "e2e.extended": "yes" } } });
    expect((await things()).others).toEqual([]);
  });
});
