import { describe, expect, test } from "vitest";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import type { LayersMetadata } from "../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { type Logger, silentLogger } from "../../lifecycle/logger.ts";
import { checkStack } from "../../lifecycle/phases/rebase/check-stack.ts";
import { checkTarget } from "../../lifecycle/phases/rebase/check-target.ts";
import { followedLabels, rebasedMetadata } from "../../lifecycle/phases/rebase/plan-rebase.ts";

const features = platformFeatures("0.13");
const old = platformFeatures("0.11");
const newBase = {
  name: "registry.localhost/run:v1",
  reference: "registry.localhost/run@sha256:x",
  topLayer: "sha256:new",
};
const metadata: LayersMetadata = {
  app: [{ sha: "sha256:a" }],
  buildpacks: [],
  config: { sha: "" },
  launcher: { sha: "" },
  processTypes: { sha: "" },
  runImage: {
    topLayer: "sha256:old",
    reference: "r",
    image: "registry.localhost/run:v1",
    mirrors: ["mirror.localhost/run"],
  },
  stack: { runImage: { image: "stack.localhost/run" } },
};

describe("the recorded run image", () => {
  test.each([
    "registry.localhost/run:v1",
    "mirror.localhost/run",
    "mirror.localhost/run:latest",
    "stack.localhost/run",
  ])("%s is one that the app was built for", (name) => {
    const after = rebasedMetadata(metadata, { ...newBase, name }, { features, force: false }, silentLogger);
    expect(after).toEqual({
      ...metadata,
      runImage: { ...metadata.runImage, topLayer: "sha256:new", reference: newBase.reference },
    });
  });

  test.each(["mirror.localhost/run:v1", "registry.localhost/other:v1", "registry.localhost/run"])(
    "%s is not",
    (name) => {
      expect(() =>
        rebasedMetadata(metadata, { ...newBase, name }, { features, force: false }, silentLogger),
      ).toThrowError(
        expect.objectContaining({
          code: "NOT_REBASABLE",
          message:
            `rebase app image: new base image '${name}' not found in existing run image metadata: ` +
            '{"topLayer":"sha256:new","reference":"registry.localhost/run@sha256:x","image":"registry.localhost/run:v1",' +
            '"mirrors":["mirror.localhost/run"]}; please provide -force to override',
        }),
      );
    },
  );

  test.each(["registry.localhost/run:v2", "mirror.localhost/run:v9", "stack.localhost/run@sha256:x"])(
    "%s is of a known repository, which is enough where the platform says so",
    (name) => {
      const { logger, warnings } = warningLogger();
      const settings = { features, force: false, sameRepository: true };
      const after = rebasedMetadata(metadata, { ...newBase, name }, settings, logger);
      if (name.startsWith("stack.")) return expect(after.stack).toEqual(metadata.stack);
      expect(after.runImage).toEqual({ topLayer: "sha256:new", reference: newBase.reference, image: name });
      return expect(warnings).toEqual([]);
    },
  );

  test("of another repository is refused there, too", () => {
    const settings = { features, force: false, sameRepository: true };
    const other = { ...newBase, name: "registry.localhost/run2:v1" };
    expect(() => rebasedMetadata(metadata, other, settings, silentLogger)).toThrowError(
      expect.objectContaining({ code: "NOT_REBASABLE" }),
    );
  });

  test("is replaced, without its mirrors, by force, which warns", () => {
    const { logger, warnings } = warningLogger();
    const after = rebasedMetadata(metadata, { ...newBase, name: "other" }, { features, force: true }, logger);
    expect(after.runImage).toEqual({ topLayer: "sha256:new", reference: newBase.reference, image: "other" });
    expect(after.stack).toEqual({ runImage: { image: "other" } });
    expect(warnings).toEqual([expect.stringMatching(/^rebase app image: .*not found/)]);
  });

  test("is not compared below Platform API 0.12", () => {
    const after = rebasedMetadata(
      metadata,
      { ...newBase, name: "other" },
      { features: old, force: false },
      silentLogger,
    );
    expect(after.runImage.image).toBe("registry.localhost/run:v1");
  });
});

test("labels of the base follow the new base, those that it lacks go", () => {
  const app = {
    "io.buildpacks.stack.id": "s",
    "io.buildpacks.base.id": "b",
    "io.buildpacks.base.gone": "g",
    mine: "m",
  };
  const base = { "io.buildpacks.stack.id": "s2", "io.buildpacks.base.id": "b2", other: "o" };
  expect(followedLabels(app, base, features)).toEqual({
    "io.buildpacks.stack.id": "s2",
    "io.buildpacks.base.id": "b2",
    "io.buildpacks.base.gone": undefined,
  });
  expect(followedLabels(app, base, old)).toEqual({ "io.buildpacks.stack.id": "s2" });
});

describe("targets", () => {
  const app = { os: "linux", arch: "arm64", archVariant: "v8", distro: { name: "debian", version: "12" } };
  const check = (newTarget: Parameters<typeof checkTarget>[0]["newBase"], force = false, rebasable?: string) =>
    checkTarget({ rebasable, app, newBase: newTarget, force }, silentLogger);

  test.each([
    ["the same", app],
    ["no variant", { ...app, archVariant: "" }],
    ["no distribution", { os: "linux", arch: "arm64" }],
    ["a distribution without version", { ...app, distro: { name: "debian", version: "" } }],
  ])("%s fits", (_, target) => expect(() => check(target)).not.toThrow());

  test.each([
    ["operating system", { ...app, os: "windows" }],
    ["architecture", { ...app, arch: "amd64" }],
    ["variant", { ...app, archVariant: "v9" }],
    ["version", { ...app, distro: { name: "debian", version: "13" } }],
  ])("another %s is refused, and not with force", (_, target) => {
    expect(() => check(target)).toThrowError(expect.objectContaining({ code: "NOT_REBASABLE" }));
    expect(() => check(target, true)).not.toThrow();
  });

  test("an image that says it is not rebasable is refused before anything else", () => {
    expect(() => check(app, false, "false")).toThrowError(
      /^app image is not marked as rebasable; please provide -force/,
    );
    expect(() => check(app, false, "true")).not.toThrow();
  });
});

describe("stacks", () => {
  test.each([
    [{}, labels("s", []), "stack not defined on app image"],
    [labels("s", []), {}, "stack not defined on new base image"],
    [labels("s", []), labels("t", []), "incompatible stack: 't' is not compatible with 's'"],
    [labels("s", ["run:b", "a"]), labels("s", ["c"]), "missing required mixin(s): a, b"],
    [
      labels("s", []),
      labels("s", "a"),
      "get run image mixins: failed to unmarshal context of label 'io.buildpacks.stack.mixins': expected a list of names, found \"a\"",
    ],
  ])("%j on %j is refused", (app, base, message) => {
    expect(() => checkStack(app, base)).toThrowError(expect.objectContaining({ code: "NOT_REBASABLE", message }));
  });
  test("mixins fit whatever their stage", () => {
    expect(() => checkStack(labels("s", ["run:a"]), labels("s", ["a", "b"]))).not.toThrow();
    expect(() => checkStack({ "io.buildpacks.stack.id": "s" }, labels("s", ["a"]))).not.toThrow();
  });
});

function warningLogger(): { readonly logger: Logger; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  return { logger: { ...silentLogger, warn: (line) => void warnings.push(line) }, warnings };
}

function labels(id: string, mixins: unknown) {
  return {
    "io.buildpacks.stack.id": id,
    "io.buildpacks.stack.mixins": JSON.stringify(mixins),
  };
}
