import type { TomlTable } from "../../toml.ts";
import type { OrderGroup } from "./group.ts";

/** A distribution that a target names; an empty version matches every one. */
export interface TargetDistro {
  readonly name: string;
  readonly version: string;
}

/** Where a buildpack says it runs; empty fields match everything. `[[targets]]`, Buildpack specification. */
export interface BuildpackTarget {
  readonly os: string;
  readonly arch: string;
  readonly variant: string;
  readonly distros: readonly TargetDistro[];
}

/** `buildpack.toml` or `extension.toml`: a component buildpack, a composite or an extension. */
export interface BuildpackDescriptor {
  readonly api: string;
  readonly kind: "component" | "composite" | "extension";
  readonly id: string;
  readonly version: string;
  readonly name?: string;
  readonly homepage?: string;
  readonly description?: string;
  readonly clearEnv: boolean;
  readonly sbomFormats: readonly string[];
  readonly licenses: readonly { readonly type?: string; readonly uri?: string }[];
  readonly keywords: readonly string[];
  readonly targets: readonly BuildpackTarget[];
  readonly stacks: readonly { readonly id: string; readonly mixins: readonly string[] }[];
  /** Execution environments it is for; empty means all. Platform API 0.15. */
  readonly execEnv: readonly string[];
  /** Of a composite; empty otherwise. */
  readonly order: readonly OrderGroup[];
  readonly metadata: TomlTable;
  /** Its directory in the builder. */
  readonly rootDir: string;
}
