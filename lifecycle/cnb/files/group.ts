/** One buildpack or extension of a group. `group.toml`, `order.toml`, Platform specification. */
export interface GroupElement {
  readonly id: string;
  readonly version: string;
  /** Buildpack API; absent in an order. */
  readonly api?: string;
  readonly homepage?: string;
  readonly extension?: boolean;
  readonly optional?: boolean;
  /** Execution environments it is for; absent means all. Platform API 0.15. */
  readonly execEnv?: readonly string[];
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
