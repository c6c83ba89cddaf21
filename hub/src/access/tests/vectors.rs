//! The examples of the RFCs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::access::algorithm::Algorithm;
use crate::access::jwks;

/// The claims of RFC 7515, appendix A.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

#[track_caller]
fn verifies(jwk: &str, signed: &str, signature: &str) {
    let keys = jwks::read(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes()).unwrap();
    let [key] = keys.as_slice() else { panic!("{keys:?}") };
    let (header, payload) = signed.split_once('.').unwrap();
    let header: serde_json::Value = serde_json::from_slice(&BASE64.decode(header).unwrap()).unwrap();
    let algorithm = Algorithm::from_name(header["alg"].as_str().unwrap()).unwrap();
    let signature = BASE64.decode(signature).unwrap();
    assert!(key.verifies(algorithm, signed, &signature), "{jwk}");
    assert!(!key.verifies(algorithm, payload, &signature), "{jwk}");
}

#[test]
fn the_example_of_rfc_7515_for_rs256_is_verified() {
    let modulus = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-\
        SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7W\
        TBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kz\
        k2PAcDTW9gb54h4FRWyuXpoQ";
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9\
        uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383\
        LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVm\
        tVrBp0igcN_IoypGlUPQGe77Rw";
    let jwk = format!(r#"{{"kty":"RSA","n":"{modulus}","e":"AQAB"}}"#);
    verifies(&jwk, &format!("eyJhbGciOiJSUzI1NiJ9.{JOE}"), signature);
}

#[test]
fn the_example_of_rfc_7515_for_es256_is_verified() {
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    verifies(jwk, &format!("eyJhbGciOiJFUzI1NiJ9.{JOE}"), signature);
}

#[test]
fn the_example_of_rfc_8037_is_verified() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    verifies(jwk, signed, signature);
}
