import type { Metadata } from "next";
import { readCart } from "@/lib/cart";
import { findProduct, formatCents } from "@/lib/products";

export const metadata: Metadata = { title: "Cart" };

export default async function Cart() {
  const lines = Object.entries(await readCart()).flatMap(([slug, count]) => {
    const product = findProduct(slug);
    return product === undefined ? [] : [{ product, count }];
  });
  const total = lines.reduce((sum, { product, count }) => sum + product.cents * count, 0);
  if (lines.length === 0) return <p>The cart is empty.</p>;
  return (
    <table className="w-full">
      <tbody>
        {lines.map(({ product, count }) => (
          <tr key={product.slug}>
            <td>
              {count} x {product.name}
            </td>
            <td className="text-right">{formatCents(product.cents * count)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <td>Total</td>
          <td className="text-right">{formatCents(total)}</td>
        </tr>
      </tfoot>
    </table>
  );
}
