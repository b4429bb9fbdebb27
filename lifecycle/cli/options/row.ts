import type { ApiRange } from "../../cnb/api/version.ts";
import type { FlagKind } from "../go-flags.ts";

/** The phases that the lifecycle's command runs, by the specification's words. */
export type PhaseCommand = "analyze" | "detect" | "restore" | "build" | "export" | "create" | "rebase" | "extend";

/** One input of the lifecycle: its flag, its variable and its default, for the phases that have it. */
export interface OptionRow {
  readonly kind: FlagKind;
  /** Without a flag there is only the variable. */
  readonly flag?: string;
  readonly env?: string;
  /** `<layers>` stands for the layers directory, whatever that is in the end. */
  readonly default?: string;
  /** Phases that take the flag, each with the Platform APIs that do when not all. */
  readonly phases: Readonly<Partial<Record<PhaseCommand, ApiRange>>>;
  readonly description: string;
}

/** Every Platform API. */
export const all: ApiRange = {};
/** A Platform API and those after it. */
export const from = (since: string): ApiRange => ({ since });
/** The Platform APIs before one. */
export const below = (until: string): ApiRange => ({ until });
