export { parseToml, TomlSyntaxError, type TomlDocument, type TomlPosition } from "./toml/parse.ts";
export type { TomlPath } from "./toml/positions.ts";
export { dateToJson, parseDate } from "./toml/date.ts";
export { formatFloat, quoteToml } from "./toml/quote.ts";
export {
  fields,
  isTable,
  TomlDate,
  TomlFields,
  TomlRaw,
  type TomlDateKind,
  type TomlOutput,
  type TomlTable,
  type TomlValue,
} from "./toml/value.ts";
export { writeToml } from "./toml/write.ts";
