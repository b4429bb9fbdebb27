import type { GroupElement, OrderGroup } from "../../cnb/files/group.ts";
import { InputError, type InputIssue } from "../../errors.ts";
import { checkApis, checkOrders, checkTargets } from "../buildpacks/check-modules.ts";
import { closest } from "../buildpacks/locate.ts";
import { type BuildModule, moduleName } from "../buildpacks/module.ts";
import type { CreateBuilderInputs } from "./create-builder.ts";

/**
 * Completes versions that orders leave out and makes sure that everything they name is there, and that the
 * lifecycle can run it. Throws `INVALID_BUILDER`, `INVALID_ORDER`, `BUILDPACK_API_UNSUPPORTED`.
 */
export function checkBuilder(inputs: CreateBuilderInputs): CreateBuilderInputs {
  const { buildpacks, extensions, lifecycle } = inputs;
  const { deprecated, supported } = lifecycle.apis.buildpack;
  const contents = { name: "the builder", buildpackApis: [...deprecated, ...supported] };
  checkApis([...buildpacks, ...extensions], contents);
  checkTargets([...buildpacks, ...extensions], inputs.platform);
  checkOrders(buildpacks, { buildpacks: [] });
  const issues: InputIssue[] = [];
  const complete = (elements: readonly GroupElement[], known: readonly BuildModule[], path: string): GroupElement[] =>
    elements.map((element) => completed(element, known, path, issues));
  const orderOf = (order: readonly OrderGroup[], known: readonly BuildModule[], key: string): readonly OrderGroup[] =>
    order.map(({ group }, index) => ({ group: complete(group, known, `${key}[${index}]`) }));
  const checked: CreateBuilderInputs = {
    ...inputs,
    order: orderOf(inputs.order, buildpacks, "order"),
    orderExtensions: orderOf(inputs.orderExtensions, extensions, "order-extensions"),
    system: {
      pre: complete(inputs.system.pre, buildpacks, "system.pre"),
      post: complete(inputs.system.post, buildpacks, "system.post"),
    },
  };
  if (issues.length > 0)
    throw new InputError("INVALID_BUILDER", "the order names buildpacks that the builder does not have", issues);
  return checked;
}

function completed(
  element: GroupElement,
  known: readonly BuildModule[],
  path: string,
  issues: InputIssue[],
): GroupElement {
  const names = known.map(({ descriptor }) => moduleName(descriptor));
  const versions = known.filter(({ descriptor }) => descriptor.id === element.id).map((one) => one.descriptor.version);
  const [only, ...others] = versions;
  if (element.version === "" && only !== undefined && others.length === 0) return { ...element, version: only };
  if (versions.includes(element.version)) return element;
  const meant = closest(moduleName(element), names);
  const expected =
    element.version === "" && others.length > 0
      ? `a version: ${versions.join(" or ")}`
      : meant === undefined
        ? `one of ${names.join(", ")}`
        : `one that is there, such as ${meant}`;
  issues.push({ source: "builder.toml", path, expected, got: moduleName(element) });
  return element;
}
