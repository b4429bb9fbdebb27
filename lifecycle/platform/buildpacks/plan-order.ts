import type { GroupElement, OrderGroup } from "../../cnb/files/group.ts";
import { InputError, TspackError } from "../../errors.ts";
import { moduleName } from "./module.ts";

/** What stands in a list of buildpacks: one, or the builder's whole order. */
export type OrderPart = { readonly kind: "one"; readonly element: GroupElement } | { readonly kind: "builder-order" };

/** What was asked for, resolved. */
export interface OrderRequest {
  readonly buildpacks: readonly OrderPart[];
  readonly pre: readonly GroupElement[];
  readonly post: readonly GroupElement[];
  readonly extensions: readonly GroupElement[];
}

/** The order of a build: buildpacks that were named make one group, in which the builder's own order may stand once. */
export function planOrder(request: OrderRequest, builder: readonly OrderGroup[]): readonly OrderGroup[] {
  if (request.buildpacks.length === 0) {
    const { pre, post } = request;
    return builder.map(({ group }) => checked([...pre, ...group, ...post], pre));
  }
  if (request.pre.length + request.post.length > 0)
    throw new TspackError(
      "INVALID_ARGUMENTS",
      "--pre-buildpack and --post-buildpack go around the builder's own groups",
      {
        hint: "with --buildpack, put them before and after it in the list: --buildpack A,from=builder,B",
      },
    );
  if (request.buildpacks.filter(({ kind }) => kind === "builder-order").length > 1)
    throw new TspackError("INVALID_ARGUMENTS", "the builder's buildpacks can stand in the list once only", {
      hint: "give from=builder one time",
    });
  const groups = request.buildpacks.reduce<readonly (readonly GroupElement[])[]>(
    (so, part) =>
      part.kind === "one"
        ? so.map((group) => [...group, part.element])
        : so.flatMap((group) => builder.map((own) => [...group, ...own.group])),
    [[]],
  );
  const named = request.buildpacks.flatMap((part) => (part.kind === "one" ? [part.element] : []));
  return groups.map((group) => checked(group, named));
}

/** Of one id only the first counts in a group: two versions of what was named is a mistake. */
function checked(group: readonly GroupElement[], named: readonly GroupElement[]): OrderGroup {
  const issues = named.flatMap((element, index) => {
    const other = named.slice(0, index).find(({ id }) => id === element.id);
    if (other === undefined || other.version === element.version) return [];
    return [{ source: "buildpacks", path: element.id, expected: moduleName(other), got: moduleName(element) }];
  });
  if (issues.length > 0)
    throw new InputError("INVALID_ARGUMENTS", "a buildpack was given in two versions", issues, {
      hint: "of each buildpack one version takes part in a build",
    });
  const first = group.findIndex.bind(group);
  return { group: group.filter((element, index) => first(({ id }) => id === element.id) === index) };
}
