"""What the demo shop sells, and for how much in which currency."""

from __future__ import annotations

from dataclasses import dataclass

SHIPPING = "SHIP-STD"


@dataclass(frozen=True, slots=True)
class Product:
    sku: str
    title: str
    usd_cents: int


PARCELS = [
    Product("MUG-01", "Stoneware mug", 1800),
    Product("MUG-04", "Stoneware mugs, set of four", 6400),
    Product("CUP-02", "Espresso cups, pair", 2400),
    Product("BWL-06", "Ramen bowl", 2200),
    Product("PLT-12", "Dinner plates, set of six", 8900),
    Product("KTL-01", "Gooseneck kettle", 11900),
    Product("GRD-01", "Hand coffee grinder", 13900),
    Product("GRD-05", "Burr grinder, electric", 34900),
    Product("ESP-01", "Espresso machine Duetto", 124900),
    Product("BEA-01", "House blend beans, 1 kg", 2600),
    Product("TEA-03", "Sencha tin", 1400),
    Product("SCL-01", "Kitchen scale", 3900),
    Product("LMP-02", "Desk lamp Arc", 7900),
    Product("CHR-01", "Office chair Kontor", 42900),
    Product("DSK-01", "Standing desk, oak", 68900),
    Product("SHF-03", "Wall shelf, walnut", 15900),
    Product("BLK-01", "Wool blanket", 9800),
    Product("CSH-02", "Linen cushion", 3400),
    Product("VAS-01", "Glass vase, tall", 4600),
    Product("CDL-01", "Beeswax candles, box of ten", 2900),
    Product("BAG-01", "Canvas tote", 2500),
    Product("BAG-07", "Leather laptop bag", 18900),
    Product("NTB-03", "Notebooks, set of three", 1900),
    Product("PEN-01", "Brass pen", 5400),
    Product("SPK-01", "Bookshelf speakers", 39900),
    Product("HDP-01", "Wireless headphones", 22900),
]
PLANS = [
    Product("SUB-TEA", "Tea Club, monthly", 1900),
    Product("SUB-COF", "Coffee Club, monthly", 2900),
    Product("SUB-COX", "Coffee Club Large, monthly", 4900),
    Product("SUB-FLW", "Flowers every week, monthly", 7600),
    Product("SUB-OFF", "Office Pantry, monthly", 32000),
    Product("SUB-TEAM", "Team Pantry, yearly", 148000),
]
_SHIPPING = Product(SHIPPING, "Standard shipping", 590)
BY_SKU = {product.sku: product for product in [*PARCELS, *PLANS, _SHIPPING]}


def price(product: Product, currency: str) -> int:
    """Minor units. Not an exchange rate: what such a shop would print on the tag."""
    match currency:
        case "SEK":
            return product.usd_cents * 10 // 1000 * 1000
        case "JPY":
            return product.usd_cents * 3 // 200 * 100
        case _:
            return product.usd_cents
