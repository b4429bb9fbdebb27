import type { GroupElement, OrderGroup } from "../../cnb/files/group.ts";
import { elementName } from "../../cnb/files/group.ts";
import type { ModuleLayer } from "../../cnb/module-labels.ts";

/** A buildpack of an order with what it is made of, or a group of such, which has no name. */
export interface DetectionEntry {
  readonly id?: string | undefined;
  readonly version?: string | undefined;
  readonly optional?: true | undefined;
  /** It contains itself: what is below it was shown already. */
  readonly cyclic?: true | undefined;
  readonly buildpacks?: readonly DetectionEntry[] | undefined;
}

/**
 * An order with the orders of composites unfolded, down to a depth; undefined: all of it. The form
 * is that of the ecosystem's `builder inspect`.
 */
export function detectionOrder(
  order: readonly OrderGroup[],
  layers: readonly ModuleLayer[],
  depth: number | undefined,
): readonly DetectionEntry[] {
  return new Unfolding(layers, depth ?? Number.POSITIVE_INFINITY).order(order, {}, 0, new Set());
}

class Unfolding {
  readonly #layers: readonly ModuleLayer[];
  readonly #depth: number;

  constructor(layers: readonly ModuleLayer[], depth: number) {
    this.#layers = layers;
    this.#depth = depth;
  }

  order(
    order: readonly OrderGroup[],
    parent: DetectionEntry,
    depth: number,
    seen: ReadonlySet<string>,
  ): readonly DetectionEntry[] {
    return order.map(({ group }) => ({ ...parent, buildpacks: this.#group(group, depth, new Set(seen)) }));
  }

  #group(group: readonly GroupElement[], depth: number, seen: Set<string>): readonly DetectionEntry[] {
    return group.flatMap((element) => {
      const name = elementName(element);
      const cyclic = seen.has(name);
      seen.add(name);
      const nested = this.#layer(element)?.order ?? [];
      const entry = namedEntry(element);
      if (nested.length > 0 && depth < this.#depth && !cyclic) return this.order(nested, entry, depth + 1, seen);
      return [cyclic ? { ...entry, cyclic: true as const } : entry];
    });
  }

  /** An order may leave the version out when there is only one. */
  #layer({ id, version }: GroupElement): ModuleLayer | undefined {
    const versions = this.#layers.filter((layer) => layer.id === id);
    return version === "" && versions.length === 1 ? versions[0] : versions.find((one) => one.version === version);
  }
}

function namedEntry({ id, version, optional }: GroupElement): DetectionEntry {
  return {
    id,
    ...(version === "" ? {} : { version }),
    ...(optional === true ? { optional: true as const } : {}),
  };
}

/** An order as a tree of text, two lines' indent per level; each line ends in a newline. */
export function detectionTree(entries: readonly DetectionEntry[], prefix = ""): string {
  let groups = 0;
  return entries
    .map((entry, index) => {
      const last = index === entries.length - 1;
      const [branch, below] = [`${prefix}${last ? " └ " : " ├ "}`, `${prefix}${last ? "   " : " │ "}`];
      const notes = `${entry.optional === true ? "  (optional)" : ""}${entry.cyclic === true ? "  [cyclic]" : ""}`;
      const name = entry.id === undefined ? "" : `${entryName(entry.id, entry.version)}${notes}\n`;
      if (entry.buildpacks === undefined) return `${branch}${name}`;
      groups += 1;
      const title = `Group #${groups}:\n`;
      return entry.id === undefined
        ? `${branch}${title}${detectionTree(entry.buildpacks, below)}`
        : `${branch}${name}${below} └ ${title}${detectionTree(entry.buildpacks, `${below}   `)}`;
    })
    .join("");
}

function entryName(id: string, version: string | undefined): string {
  return version === undefined ? id : elementName({ id, version });
}
