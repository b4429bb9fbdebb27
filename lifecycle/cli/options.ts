import { choiceRows } from "./options/choice-rows.ts";
import { pathRows } from "./options/path-rows.ts";

export type { OptionRow, PhaseCommand } from "./options/row.ts";

/** Every input of every phase. A new flag is one row in `options/`. */
export const optionRows = { ...pathRows, ...choiceRows } as const;

/** The name of an input. */
export type OptionName = keyof typeof optionRows;

/** The type that an input of a kind has once it is read. */
interface ValueOfKind {
  readonly string: string;
  readonly bool: boolean;
  readonly int: number | undefined;
  readonly list: readonly string[];
  readonly duration: string;
}

/** All inputs, each with its value: flag before variable before default; `""` when there is none. */
export type PhaseOptions = { readonly [K in OptionName]: ValueOfKind[(typeof optionRows)[K]["kind"]] };
