import { fields, type TomlOutput, writeToml } from "../toml.ts";

/** Forms in which facts are printed for programs. */
export type StructuredFormat = "json" | "yaml" | "toml";

/** Writes plain data as a document of a form; what is undefined is left out. */
export function structuredText(value: object, format: StructuredFormat): string {
  // The way over JSON drops undefined members and getters alike.
  const plain = JSON.parse(JSON.stringify(value)) as PlainObject;
  if (format === "json") return `${JSON.stringify(plain, undefined, 2)}\n`;
  return format === "yaml" ? yamlObject(plain, "") : writeToml(tomlOf(plain) ?? fields({}));
}

type Plain = string | number | boolean | null | readonly Plain[] | PlainObject;

interface PlainObject {
  readonly [key: string]: Plain;
}

function isObject(value: Plain): value is PlainObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: Plain): value is readonly Plain[] {
  return Array.isArray(value);
}

/** TOML has no null: such members are left out. */
function tomlOf(value: Plain): TomlOutput | undefined {
  if (value === null) return undefined;
  if (isList(value)) return value.map(tomlOf).filter((item) => item !== undefined);
  if (isObject(value))
    return fields(Object.fromEntries(Object.entries(value).map(([key, item]) => [key, tomlOf(item)])));
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
}

function yamlObject(value: PlainObject, indent: string): string {
  return Object.entries(value)
    .map(([key, item]) => `${indent}${yamlText(key)}:${yamlValue(item, indent)}`)
    .join("");
}

/** What follows a key: a scalar in its line, or a block below it. */
function yamlValue(value: Plain, indent: string): string {
  if (isList(value)) {
    if (value.length === 0) return " []\n";
    return `\n${value.map((item) => yamlItem(item, indent)).join("")}`;
  }
  if (isObject(value)) return Object.keys(value).length === 0 ? " {}\n" : `\n${yamlObject(value, `${indent}  `)}`;
  return ` ${yamlScalar(value)}\n`;
}

function yamlItem(item: Plain, indent: string): string {
  if (isObject(item) && Object.keys(item).length > 0)
    return `${indent}- ${yamlObject(item, `${indent}  `).slice(indent.length + 2)}`;
  if (isList(item)) return `${indent}-${yamlValue(item, `${indent}  `)}`;
  return `${indent}-${yamlValue(item, indent)}`;
}

function yamlScalar(value: string | number | boolean | null): string {
  return typeof value === "string" ? yamlText(value) : String(value);
}

/** Plain where no reader takes it for something else; JSON's form of a text is one of YAML's. */
function yamlText(text: string): string {
  const isPlain = /^[A-Za-z_/][A-Za-z0-9_./@-]*$/.test(text) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}
