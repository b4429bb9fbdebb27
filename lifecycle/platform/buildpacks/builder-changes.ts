import type { GroupElement, OrderGroup } from "../../cnb/files/group.ts";
import { InputError } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import { checkApis, checkOrders, checkTargets } from "./check-modules.ts";
import type { BuilderContents, BuilderModule } from "./contents.ts";
import { distinct, loadModules } from "./load-modules.ts";
import { locate, type LocateScope } from "./locate.ts";
import { allOf, type BuildModule, moduleName, type ModuleKind, type ModulePorts } from "./module.ts";
import { type OrderPart, planOrder } from "./plan-order.ts";
import type { BuildpackRequests } from "./request.ts";
import { moduleDirectory } from "./unpacked.ts";

/** Which buildpacks and extensions somebody wants, beside or instead of the builder's order. */
export interface BuildpackSelection {
  readonly buildpacks: BuildpackRequests;
  readonly pre: BuildpackRequests;
  readonly post: BuildpackRequests;
  readonly extensions: BuildpackRequests;
  readonly disableSystem: boolean;
  /** What the build is for. */
  readonly platform: Platform;
}

/** What is put into a builder for one build; nothing of it is written to the builder's own files. */
export interface BuilderChanges {
  readonly buildpacks: readonly BuilderModule[];
  readonly extensions: readonly BuilderModule[];
  /** The whole order of the build; undefined: the builder's. */
  readonly order: readonly OrderGroup[] | undefined;
  readonly orderExtensions: readonly OrderGroup[] | undefined;
  readonly disableSystem: boolean;
}

/**
 * Finds, fetches, verifies and unpacks what was asked for and plans the order. Undefined when
 * nothing changes. Throws `BUILDPACK_NOT_FOUND`, `INVALID_ARGUMENTS`, `INVALID_BUILDPACK`,
 * `BUILDPACK_API_UNSUPPORTED`, `INVALID_ORDER` and what fetching throws.
 */
export async function resolveBuilderChanges(
  selection: BuildpackSelection,
  contents: BuilderContents,
  ports: ModulePorts,
): Promise<BuilderChanges | undefined> {
  const find = new Finder(contents, ports);
  const buildpacks = await find.parts(selection.buildpacks, "--buildpack");
  const pre = await find.elements(selection.pre, "buildpack", "--pre-buildpack");
  const post = await find.elements(selection.post, "buildpack", "--post-buildpack");
  const extensions = await find.elements(selection.extensions, "extension", "--extension");
  const disableSystem = selection.disableSystem && contents.hasSystem;
  if (buildpacks.length + pre.length + post.length + extensions.length === 0)
    return disableSystem
      ? { buildpacks: [], extensions: [], order: undefined, orderExtensions: undefined, disableSystem }
      : undefined;
  const order = planOrder({ buildpacks, pre, post, extensions }, contents.order.order);
  const modules = distinct(find.found);
  checkApis(modules, contents);
  checkTargets(modules, selection.platform);
  checkOrders(modules, contents);
  return {
    buildpacks: await unpacked(modules, "buildpack", ports),
    extensions: await unpacked(modules, "extension", ports),
    order,
    orderExtensions: extensions.length === 0 ? contents.order.orderExtensions : [{ group: extensions }],
    disableSystem,
  };
}

async function unpacked(
  modules: readonly BuildModule[],
  kind: ModuleKind,
  ports: ModulePorts,
): Promise<readonly BuilderModule[]> {
  return Promise.all(
    modules
      .filter((module) => module.kind === kind)
      .map(async (module) => ({
        id: module.descriptor.id,
        version: module.descriptor.version,
        directory: await moduleDirectory(module, ports),
      })),
  );
}

/** Resolves requests one after the other and keeps what they brought along. */
class Finder {
  readonly found: BuildModule[] = [];
  readonly #contents: BuilderContents;
  readonly #ports: ModulePorts;

  constructor(contents: BuilderContents, ports: ModulePorts) {
    this.#contents = contents;
    this.#ports = ports;
  }

  async parts({ requests, baseDir, within }: BuildpackRequests, source: string): Promise<readonly OrderPart[]> {
    const parts: OrderPart[] = [];
    for (const request of requests) {
      const scope = { baseDir, within, known: this.#known("buildpack"), source };
      const location = locate(request, scope);
      if (location.kind === "builder-order") parts.push(location);
      else parts.push({ kind: "one", element: await this.#element(location, "buildpack", scope) });
    }
    return parts;
  }

  async elements(
    { requests, baseDir, within }: BuildpackRequests,
    kind: ModuleKind,
    source: string,
  ): Promise<readonly GroupElement[]> {
    const elements: GroupElement[] = [];
    for (const request of requests) {
      const scope = { baseDir, within, known: this.#known(kind), source };
      const location = locate(request, scope);
      if (location.kind === "builder-order") throw orderMisplaced(source);
      elements.push(await this.#element(location, kind, scope));
    }
    return elements;
  }

  async #element(
    location: Exclude<ReturnType<typeof locate>, { readonly kind: "builder-order" }>,
    kind: ModuleKind,
    scope: LocateScope,
  ): Promise<GroupElement> {
    if (location.kind === "in-builder")
      return { id: location.id, version: location.version ?? this.#onlyVersion(location.id, scope) };
    const set = await loadModules(location, kind, scope, this.#ports);
    this.found.push(...allOf(set));
    const { id, version } = set.main.descriptor;
    const own = kind === "buildpack" ? this.#contents.buildpacks : this.#contents.extensions;
    if (own.some((one) => one.id === id && one.version === version))
      this.#ports.ctx.logger.info(`${kind} ${id}@${version} replaces that of the builder`);
    return { id, version };
  }

  /** The builder's, and those that came with earlier requests: they can be asked for by id. */
  #known(kind: ModuleKind): readonly { readonly id: string; readonly version: string }[] {
    const own = kind === "buildpack" ? this.#contents.buildpacks : this.#contents.extensions;
    return [...own, ...this.found.filter((module) => module.kind === kind).map(({ descriptor }) => descriptor)];
  }

  #onlyVersion(id: string, scope: LocateScope): string {
    const versions = [...new Set(scope.known.filter((one) => one.id === id).map(({ version }) => version))];
    const [only, ...others] = versions;
    if (only !== undefined && others.length === 0) return only;
    const issue = {
      source: scope.source,
      path: "",
      expected: versions.map((version) => moduleName({ id, version })).join(" or "),
      got: id,
    };
    throw new InputError("INVALID_ARGUMENTS", `the builder has several versions of ${id}`, [issue], {
      hint: "say which one: id@version",
    });
  }
}

function orderMisplaced(source: string): InputError {
  const issue = { source, path: "", expected: "a buildpack", got: "from=builder" };
  return new InputError("INVALID_ARGUMENTS", "the builder's whole order can stand in --buildpack only", [issue]);
}
