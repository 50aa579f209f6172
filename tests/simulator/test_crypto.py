"""The cipher against the published vectors and against wechatpy, which shares no line with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException
from wechatpy.utils import check_signature

from simulator.crypto import CipherError, decrypt, encrypt, signature

TOKEN, AES_KEY = "didipolice_token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APP_ID = "wx1234567890abcdef"
STAMP, NONCE, SALT = "1714112445", "415670741", b"0123456789abcdef"
MESSAGE = (
    "<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName>"
    "<FromUserName><![CDATA[oUser0000000000000000000001]]></FromUserName>"
    "<CreateTime>1714112445</CreateTime><MsgType><![CDATA[text]]></MsgType>"
    "<Content><![CDATA[你好]]></Content><MsgId>24542317900000001</MsgId></xml>"
)
VECTORS = [
    (
        "success",
        "Q3stYC6hdFzMh9T8HCvyDNc4sLDOGvibS3uNmoy+d4zMYV494JNu3PikufTDziI9Qzj15n+RKnOPSqf7sOygNg==",
        "f22e045cfef1afa940162a491762bfdb38c091f3",
    ),
    (
        MESSAGE,
        "Q3stYC6hdFzMh9T8HCvyDEyyIo7SrfCU7qIY00FhmKzxLhwDU4yRHtC29SoooV3tqzu845Di3fJxjyUD+4kbEMrgphd5dT44"
        "Jp2aevb8qvg2j0HMJqLFFZoTjsqGIgIbFSM4Xw10i8UZLTggTI3kK3H82m/MMcapEApr07BHDDfB6Yst8NFzpKvu2pkZbBBk"
        "qxqAsFhRZvYl2J3s7V5pMXR6G9c1bhPVYi/4yoihiyT86e+2X0YpNs46fjNzCTMMHIxc/rse4bNi5KBJHnvMxoPMdNtSOcbv"
        "TN2fj3aauHejrrXx5+KK6sjYpIcrF5vmjtednqeR2MFYRROWcu5kp9ucTzF981FTOLmvJUfRdudDY1Qe/nq3LDgazfWo5gCq"
        "HeYlWfABwOUWNdMx4KDERTStalhz3oLxgg6mlVuNEa0=",
        "b275856b179024596bcb29268d1aef6731fbc765",
    ),
]


def test_the_signature_of_an_address_check() -> None:
    assert signature(TOKEN, STAMP, NONCE) == "311dfb497f5cd6923f1694c064ec525aae43983e"
    check_signature(TOKEN, signature(TOKEN, STAMP, NONCE), STAMP, NONCE)


@pytest.mark.parametrize(("clear", "sealed", "signed"), VECTORS, ids=["short", "full"])
def test_the_published_vectors(clear: str, sealed: str, signed: str) -> None:
    assert encrypt(clear, aes_key=AES_KEY, app_id=APP_ID, salt=SALT) == sealed
    assert decrypt(sealed, aes_key=AES_KEY, app_id=APP_ID) == clear
    assert signature(TOKEN, STAMP, NONCE, sealed) == signed


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_what_we_encrypt_wechatpy_decrypts(words: str) -> None:
    sealed = encrypt(words, aes_key=AES_KEY, app_id=APP_ID)
    signed = signature(TOKEN, STAMP, NONCE, sealed)

    clear = WeChatCrypto(TOKEN, AES_KEY, APP_ID).decrypt_message({"Encrypt": sealed}, signed, STAMP, NONCE)

    assert clear == words


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_what_wechatpy_encrypts_we_decrypt(words: str) -> None:
    envelope = WeChatCrypto(TOKEN, AES_KEY, APP_ID).encrypt_message(words, NONCE, STAMP)
    sealed = envelope.split("<Encrypt><![CDATA[")[1].split("]]>")[0]
    signed = envelope.split("<MsgSignature><![CDATA[")[1].split("]]>")[0]

    assert decrypt(sealed, aes_key=AES_KEY, app_id=APP_ID) == words
    assert signature(TOKEN, STAMP, NONCE, sealed) == signed


def test_every_length_of_padding_survives() -> None:
    for length in range(70):
        sealed = encrypt("x" * length, aes_key=AES_KEY, app_id=APP_ID)
        assert decrypt(sealed, aes_key=AES_KEY, app_id=APP_ID) == "x" * length


def test_another_account_is_refused_by_both() -> None:
    sealed = encrypt("words", aes_key=AES_KEY, app_id="wxsomebodyelse")

    with pytest.raises(CipherError, match="app id"):
        decrypt(sealed, aes_key=AES_KEY, app_id=APP_ID)
    with pytest.raises(InvalidAppIdException):
        WeChatCrypto(TOKEN, AES_KEY, APP_ID).decrypt_message(
            {"Encrypt": sealed}, signature(TOKEN, STAMP, NONCE, sealed), STAMP, NONCE
        )


@pytest.mark.parametrize("sealed", ["", "not base64!", "YWJj", "A" * 64])
def test_nonsense_is_refused_with_a_sentence(sealed: str) -> None:
    with pytest.raises(CipherError):
        decrypt(sealed, aes_key=AES_KEY, app_id=APP_ID)
