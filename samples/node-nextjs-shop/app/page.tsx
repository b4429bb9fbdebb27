import Image from "next/image";
import Link from "next/link";
import { price, products } from "@/lib/products";

export default function Home() {
  return (
    <ul className="grid grid-cols-2 gap-6">
      {products.map((product) => (
        <li key={product.slug} className="rounded border p-4">
          <Link href={`/products/${product.slug}`}>
            <Image src="/leaf.svg" alt="" width={48} height={48} unoptimized />
            <h2 className="text-lg">{product.name}</h2>
            <p>{price(product)}</p>
          </Link>
        </li>
      ))}
    </ul>
  );
}
