import { z } from "zod";
import catalogue from "./catalogue.json";

const Product = z.object({
  slug: z.string().regex(/^[a-z-]+$/),
  name: z.string(),
  description: z.string(),
  cents: z.number().int().positive(),
});

export type Product = z.infer<typeof Product>;

export const products: readonly Product[] = z.array(Product).parse(catalogue);

export function findProduct(slug: string): Product | undefined {
  return products.find((product) => product.slug === slug);
}

export function formatCents(cents: number): string {
  return new Intl.NumberFormat("en", { style: "currency", currency: "EUR" }).format(cents / 100);
}

export function price(product: Product): string {
  return formatCents(product.cents);
}
