import { decodeToml, type TableReader } from "../../decode.ts";
import { fields, type TomlDocument, type TomlFields, type TomlOutput, writeToml } from "../../toml.ts";

/** One buildpack or extension of a group. `group.toml`, `order.toml`, Platform specification. */
export interface GroupElement {
  readonly id: string;
  readonly version: string;
  /** Buildpack API; absent in an order. */
  readonly api?: string | undefined;
  readonly homepage?: string | undefined;
  readonly extension?: boolean | undefined;
  readonly optional?: boolean | undefined;
  /** Execution environments it is for; absent means all. Platform API 0.15. */
  readonly execEnv?: readonly string[] | undefined;
}

/** What detection chose: `group.toml`. */
export interface Group {
  readonly group: readonly GroupElement[];
  readonly groupExtensions: readonly GroupElement[];
}

/** Alternatives in the order in which they are tried: `order.toml`. */
export interface OrderFile {
  readonly order: readonly OrderGroup[];
  readonly orderExtensions: readonly OrderGroup[];
}

/** One alternative of an order. */
export interface OrderGroup {
  readonly group: readonly GroupElement[];
}

/** Reads `group.toml`; extensions come back marked as such, and optional. Throws `INVALID_GROUP`. */
export function decodeGroup(document: TomlDocument): Group {
  return decodeToml(document, { code: "INVALID_GROUP" }, (root) => ({
    group: root.tables("group").map(readElement),
    groupExtensions: root.tables("group-extensions").map(readElement).map(asExtension),
  }));
}

/** Writes `group.toml`. That extensions are optional is not said again. */
export function encodeGroup({ group, groupExtensions }: Group): string {
  return writeToml(
    fields({
      group: someTables(group.map(elementFields)),
      "group-extensions": someTables(groupExtensions.map(plainExtension).map(elementFields)),
    }),
  );
}

/** Reads `order.toml`; extensions come back marked as such, and optional. Throws `INVALID_ORDER`. */
export function decodeOrder(document: TomlDocument): OrderFile {
  return decodeToml(document, { code: "INVALID_ORDER" }, (root) => ({
    order: readOrder(root, "order"),
    orderExtensions: readOrder(root, "order-extensions").map(({ group }) => ({ group: group.map(asExtension) })),
  }));
}

/** Writes `order.toml`, as a builder carries it. */
export function encodeOrder({ order, orderExtensions }: OrderFile): string {
  const groups = (list: readonly OrderGroup[]): readonly TomlFields[] =>
    list.map(({ group }) => fields({ group: someTables(group.map(elementFields)) }));
  return writeToml(
    fields({
      order: someTables(groups(order)),
      "order-extensions": someTables(
        groups(orderExtensions.map(({ group }) => ({ group: group.map(plainExtension) }))),
      ),
    }),
  );
}

/** Reads `[[order]]` of `order.toml`, `buildpack.toml` or `builder.toml`. */
export function readOrder(root: TableReader, key: string): readonly OrderGroup[] {
  return root.tables(key).map((alternative) => ({ group: alternative.tables("group").map(readElement) }));
}

/** Reads an element of a group; what is absent in the file is absent in the result. */
export function readElement(reader: TableReader): GroupElement {
  const api = reader.string("api");
  const homepage = reader.string("homepage");
  const execEnv = reader.strings("exec-env");
  return {
    id: reader.requiredString("id"),
    version: reader.string("version") ?? "",
    ...(api === undefined ? {} : { api }),
    ...(homepage === undefined ? {} : { homepage }),
    ...(reader.boolean("extension") === true ? { extension: true } : {}),
    ...(reader.boolean("optional") === true ? { optional: true } : {}),
    ...(execEnv === undefined ? {} : { execEnv }),
  };
}

/** An element as `group.toml`, `plan.toml` and `metadata.toml` have it. */
export function elementFields(element: GroupElement): TomlFields {
  return fields({
    id: element.id,
    version: element.version,
    api: nonEmpty(element.api),
    homepage: nonEmpty(element.homepage),
    extension: element.extension === true ? true : undefined,
    optional: element.optional === true ? true : undefined,
  });
}

/** `undefined` for an array without elements: it is not written at all. */
export function someTables(list: readonly TomlOutput[]): TomlOutput | undefined {
  return list.length === 0 ? undefined : list;
}

/** `undefined` for an empty text. */
export function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

/** An extension as it is in memory: marked, and always optional. */
export function asExtension(element: GroupElement): GroupElement {
  return { ...element, extension: true, optional: true };
}

/** An extension as files list it, where its place says what it is. */
export function plainExtension({ extension: _extension, optional: _optional, ...rest }: GroupElement): GroupElement {
  return rest;
}

/** How messages name a buildpack: `id@version`. */
export function elementName(element: Pick<GroupElement, "id" | "version">): string {
  return `${element.id}@${element.version}`;
}
