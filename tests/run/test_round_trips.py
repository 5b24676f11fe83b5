"""How often a run waits for its server: what a far one costs."""

from tests.ledger.wire import wire_to
from tests.run.conftest import Shop
from tests.run.exports import Export

MOST = 200  # with settings for each session, instead of each transaction, there were 212


def test_round_trips_of_a_book(shop: Shop) -> None:
    with wire_to(shop.database) as wire:
        file = shop.file(Export(chunks=24))
        shop.environment(url=wire.url(shop.role))
        wire.arm()
        assert shop.run(file).exit_code == 0
        assert 50 < sum(message.ends for message in wire.messages) <= MOST
