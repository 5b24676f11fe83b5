from tests.run.conftest import Shop, plain
from tests.run.exports import Export
def test_x(shop: Shop):
    ran = shop.accepted(Export())
    print(plain(ran.stdout))
    ran = shop.accepted(Export())
    print(plain(ran.stdout))
    assert 0
