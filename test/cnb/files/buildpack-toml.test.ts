import { describe, expect, test } from "vitest";
import { type BuildpackDescriptor, decodeBuildpackToml } from "../../../lifecycle/cnb/files/buildpack-toml.ts";
import { parseToml } from "../../../lifecycle/toml.ts";

function decode(text: string): BuildpackDescriptor {
  return decodeBuildpackToml(parseToml(text, "buildpack.toml"), "/cnb/buildpacks/a_b/1");
}

describe("buildpack.toml", () => {
  test("a component with everything", () => {
    const text = [
      'api = "0.12"',
      "[buildpack]",
      'id = "a/b"',
      'version = "1.0"',
      'name = "A"',
      "clear-env = true",
      'sbom-formats = ["application/spdx+json"]',
      'exec-env = ["test"]',
      'keywords = ["k"]',
      "[[buildpack.licenses]]",
      'type = "MIT"',
      "[[targets]]",
      'os = "linux"',
      'variant = "v8"',
      "[[targets.distros]]",
      'name = "debian"',
      "[metadata]",
      "x = 1",
    ].join("\n");
    expect(decode(text)).toMatchObject({
      api: "0.12",
      kind: "component",
      id: "a/b",
      version: "1.0",
      clearEnv: true,
      sbomFormats: ["application/spdx+json"],
      execEnv: ["test"],
      licenses: [{ type: "MIT" }],
      targets: [{ os: "linux", arch: "", variant: "v8", distros: [{ name: "debian", version: "" }] }],
      metadata: { x: 1n },
      rootDir: "/cnb/buildpacks/a_b/1",
    });
  });

  test("a composite is one with an order", () => {
    const text =
      'api = "0.10"\n[buildpack]\nid = "a"\nversion = "1"\n[[order]]\ngroup = [{id = "b", version = "2", optional = true}]';
    expect(decode(text)).toMatchObject({
      kind: "composite",
      order: [{ group: [{ id: "b", version: "2", optional: true }] }],
    });
  });

  test("an extension has its own table", () => {
    expect(decode('api = "0.10"\n[extension]\nid = "e"\nversion = "1"')).toMatchObject({ kind: "extension", id: "e" });
  });

  test("the execution environment counts from Buildpack API 0.12", () => {
    expect(decode('api = "0.11"\n[buildpack]\nid = "a"\nversion = "1"\nexec-env = ["test"]').execEnv).toEqual([]);
  });

  test("execution environments are strings or tables with a name", () => {
    const text = (api: string): string =>
      `api = "${api}"\n[buildpack]\nid = "a"\nversion = "1"\n[[buildpack.exec-env]]\nname = "test"\n[[buildpack.exec-env]]\nname = "x"`;
    expect(decode(text("0.12")).execEnv).toEqual(["test", "x"]);
    expect(decode(text("0.11")).execEnv).toEqual([]);
    expect(() => decode(text("0.12").replace('name = "x"', "id = 1"))).toThrow(
      expect.objectContaining({ code: "INVALID_BUILDPACK" }),
    );
  });

  test("elements of an order have execution environments from Buildpack API 0.12 on", () => {
    const text = (api: string): string =>
      `api = "${api}"\n[buildpack]\nid = "a"\nversion = "1"\n[[order]]\n[[order.group]]\nid = "b"\nversion = "2"\nexec-env = ["test"]`;
    expect(decode(text("0.12")).order[0]?.group).toEqual([{ id: "b", version: "2", execEnv: ["test"] }]);
    expect(decode(text("0.11")).order[0]?.group).toEqual([{ id: "b", version: "2" }]);
  });

  test("all problems are found at once", () => {
    const text =
      'api = "0.10"\n\n[buildpack]\n  version = "../x"\n  id = "app"\n\n[[targets]]\nos = "linux"\n[[targets]]\nos = 3';
    expect(() => decode(text)).toThrow(
      expect.objectContaining({
        code: "INVALID_BUILDPACK",
        issues: [
          {
            source: "buildpack.toml:5:3",
            path: "buildpack.id",
            expected: expect.stringContaining("not reserved") as string,
            got: '"app"',
          },
          {
            source: "buildpack.toml:4:3",
            path: "buildpack.version",
            expected: "a version without a slash",
            got: '"../x"',
          },
          { source: "buildpack.toml:10:1", path: "targets[1].os", expected: "a string", got: "integer 3" },
        ],
      }),
    );
  });

  test.each(["config", "generated", "sbom", "a//b", "../a", "a b", "."])("the id %j is refused", (id) => {
    expect(() => decode(`api = "0.10"\n[buildpack]\nid = "${id}"\nversion = "1"`)).toThrow(
      expect.objectContaining({ code: "INVALID_BUILDPACK" }),
    );
  });
});
