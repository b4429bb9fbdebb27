import { buildpackApis } from "../../cnb/api/buildpack.ts";
import type { BuildpackTarget } from "../../cnb/files/buildpack-toml.ts";
import { InputError, type InputIssue } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { BuilderContents } from "./contents.ts";
import { closest } from "./locate.ts";
import { type BuildModule, moduleName } from "./module.ts";

/** Checks that the builder's lifecycle speaks the API of each. Throws `BUILDPACK_API_UNSUPPORTED` with all that do not fit. */
export function checkApis(
  modules: readonly BuildModule[],
  { name, buildpackApis: theirs }: Pick<BuilderContents, "name" | "buildpackApis">,
): void {
  const supported = theirs.length === 0 ? buildpackApis : theirs;
  const issues = modules
    .filter(({ descriptor }) => !supported.includes(descriptor.api))
    .map(({ descriptor }) => ({
      source: moduleName(descriptor),
      path: "api",
      expected: `one of ${supported.join(", ")}`,
      got: JSON.stringify(descriptor.api),
    }));
  if (issues.length === 0) return;
  throw new InputError(
    "BUILDPACK_API_UNSUPPORTED",
    `the lifecycle of ${name} does not speak the API of a buildpack`,
    issues,
    {
      hint: "take another version of the buildpack, or a builder with a newer lifecycle",
    },
  );
}

/**
 * Checks that each runs on the operating system and architecture of the build; distributions are the
 * lifecycle's to compare, which knows the run image. Throws `INVALID_BUILDPACK` with all that do not fit.
 */
export function checkTargets(modules: readonly BuildModule[], { os, architecture }: Platform): void {
  const fits = (target: BuildpackTarget): boolean =>
    (target.os === "" || target.os === os) && (target.arch === "" || target.arch === architecture);
  const issues = modules
    .filter(({ descriptor }) => descriptor.targets.length > 0 && !descriptor.targets.some(fits))
    .map(({ descriptor }) => ({
      source: moduleName(descriptor),
      path: "targets",
      expected: `${os}/${architecture} among them`,
      got: descriptor.targets.map((target) => `${target.os || "any"}/${target.arch || "any"}`).join(", "),
    }));
  if (issues.length === 0) return;
  throw new InputError("INVALID_BUILDPACK", "a buildpack is made for another platform", issues, {
    hint: "get it for this one, or build for its own with --platform",
  });
}

/** Checks that what the orders of composites name is there. Throws `INVALID_ORDER` with all that is missing. */
export function checkOrders(
  modules: readonly BuildModule[],
  { buildpacks }: { readonly buildpacks: readonly { readonly id: string; readonly version: string }[] },
): void {
  const names = new Set([...buildpacks, ...modules.map(({ descriptor }) => descriptor)].map(moduleName));
  const issues = modules.flatMap(({ descriptor }) =>
    descriptor.order.flatMap(({ group }, index) =>
      group
        .filter((element) => !names.has(moduleName(element)))
        .map((element) => missing(`${moduleName(descriptor)}: order[${index}]`, moduleName(element), [...names])),
    ),
  );
  if (issues.length === 0) return;
  throw new InputError("INVALID_ORDER", "a buildpack is made of others that are not there", issues, {
    hint: "package it with its dependencies (tspack buildpack package), or name them in a package.toml beside it",
  });
}

function missing(source: string, name: string, names: readonly string[]): InputIssue {
  const meant = closest(name, names);
  return {
    source,
    path: "",
    expected: meant === undefined ? `one of ${names.join(", ")}` : `one that is there, such as ${meant}`,
    got: name,
  };
}
