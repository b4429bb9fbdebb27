import { describe, expect, test } from "vitest";
import { noSettings, type Settings } from "../../../lifecycle/platform/settings.ts";
import {
  chosenBuilder,
  withRunImageMirrors,
  withSettings,
} from "../../../lifecycle/platform/settings/apply-settings.ts";

const settings: Settings = {
  ...noSettings,
  runner: "engine",
  pullPolicy: "always",
  lifecycleImage: "example.com/lifecycle",
  defaultBuilder: "team/builder",
  trustedBuilders: ["docker.io/team/builder:latest"],
};

describe("a request with settings", () => {
  test("takes what it does not say itself", () => {
    expect(withSettings({ names: ["a"], output: { kind: "engine" } }, settings)).toMatchObject({
      runner: "engine",
      pullPolicy: "always",
      lifecycleImage: "example.com/lifecycle",
    });
  });

  test("keeps what it says", () => {
    const request = { names: ["a"], runner: "sandbox", pullPolicy: "never", lifecycleImage: "mine" } as const;
    expect(withSettings(request, settings)).toMatchObject(request);
  });

  test("has no lifecycle image where no phase runs in a container", () => {
    expect(withSettings({ names: ["a"], runner: "sandbox" }, settings).lifecycleImage).toBeUndefined();
  });
});

describe("the builder", () => {
  test("is the command line's, then the project's, then that of the settings", () => {
    expect(chosenBuilder({ names: [], builder: "mine" }, "described", settings).builder).toBe("mine");
    expect(chosenBuilder({ names: [] }, "described", settings).builder).toBe("described");
    expect(chosenBuilder({ names: [] }, undefined, settings).builder).toBe("team/builder");
    expect(chosenBuilder({ names: [] }, undefined, noSettings).builder).toBeUndefined();
  });

  test.each([
    ["team/builder", true],
    ["index.docker.io/team/builder", true],
    ["team/builder:2", false],
    ["example.com/team/builder", false],
    ["./builder.toml", false],
  ])("%s is trusted by what its name means: %s", (builder, trusted) => {
    expect(chosenBuilder({ names: [], builder }, undefined, settings).trustBuilder).toBe(trusted);
  });

  test("of a fetched project is trusted by its name only, whatever the request says of the builder", () => {
    const trusting = { names: [], trustBuilder: true };
    expect(chosenBuilder(trusting, "evil/builder", settings, true).trustBuilder).toBe(false);
    expect(chosenBuilder(trusting, "evil/builder", settings, false).trustBuilder).toBe(true);
    expect(chosenBuilder(trusting, "team/builder", settings, true).trustBuilder).toBe(true);
    expect(chosenBuilder({ ...trusting, builder: "mine" }, "evil/builder", settings, true).trustBuilder).toBe(true);
    expect(chosenBuilder(trusting, undefined, noSettings, true).trustBuilder).toBe(true);
  });

  test("is not trusted against what the request says", () => {
    const request = { names: [], builder: "team/builder", trustBuilder: false };
    expect(chosenBuilder(request, undefined, settings).trustBuilder).toBe(false);
  });
});

describe("mirrors of a run image", () => {
  const own = { runImageMirrors: new Map([["team/run", ["near.test/run", "far.test/run"]]]) };

  test("of the settings come before those of the builder", () => {
    const image = { image: "docker.io/team/run:latest", mirrors: ["far.test/run", "b.test/run"] };
    expect(withRunImageMirrors(image, own)).toEqual({
      image: "near.test/run",
      mirrors: ["far.test/run", "docker.io/team/run:latest", "b.test/run"],
    });
  });

  test("of another one change nothing", () => {
    const image = { image: "team/run:2", mirrors: ["a.test/run"] };
    expect(withRunImageMirrors(image, own)).toEqual(image);
  });
});
