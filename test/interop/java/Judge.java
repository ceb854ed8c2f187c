import java.io.FileInputStream;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.*;
import java.time.Instant;
import java.util.*;
import javax.net.ssl.*;

/**
 * Java's opinion of an authority's files, by its own PKIX validator, key stores and TLS client. Reads one command a
 * line from standard input, words separated by tabs, and answers each with one line:
 *
 *   validate ROOT CRLS CHAIN            a chain with revocation checking, as a TLS server does it
 *   validate-at ROOT INSTANT CHAIN      a chain at another time, without CRLs, which would be out of date
 *   store P12 PASSWORD                  what a PKCS#12 file holds
 *   request PORT ROOT [P12 PASSWORD]    an HTTPS request to localhost
 */
public class Judge {
  public static void main(String[] arguments) throws Exception {
    try (Scanner lines = new Scanner(System.in, "UTF-8")) {
      while (lines.hasNextLine()) {
        String[] words = lines.nextLine().split("\t");
        System.out.println(answer(words));
      }
    }
  }

  static String answer(String[] words) {
    try {
      switch (words[0]) {
        case "validate": return validate(words[1], words[2], null, words[3]);
        case "validate-at": return validate(words[1], null, Instant.parse(words[2]), words[3]);
        case "store": return store(words[1], words[2]);
        case "request": return request(words[1], words[2], words.length > 3 ? open(words[3], words[4]) : null, words);
        default: throw new IllegalArgumentException(words[0]);
      }
    } catch (CertPathValidatorException e) {
      return "refused: " + e.getReason() + ": " + e.getMessage();
    } catch (Exception e) {
      return "refused: " + e;
    }
  }

  static String validate(String root, String crls, Instant at, String chain) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    CertPath path = factory.generateCertPath(new ArrayList<>(certificates(chain)));
    PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(certificates(root).get(0), null)));
    if (at != null) parameters.setDate(Date.from(at));
    parameters.setRevocationEnabled(crls != null);
    if (crls != null) {
      try (InputStream in = new FileInputStream(crls)) {
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(factory.generateCRLs(in))));
      }
    }
    PKIXCertPathValidatorResult result = (PKIXCertPathValidatorResult) CertPathValidator.getInstance("PKIX").validate(path, parameters);
    X509Certificate leaf = (X509Certificate) path.getCertificates().get(0);
    return "valid: " + leaf.getSerialNumber().toString(16) + " " + leaf.getExtendedKeyUsage() + " " + names(leaf)
        + " until " + leaf.getNotAfter().toInstant() + " by " + result.getTrustAnchor().getTrustedCert().getSubjectX500Principal().getName();
  }

  static String names(X509Certificate certificate) throws Exception {
    Collection<List<?>> names = certificate.getSubjectAlternativeNames();
    return names == null ? "[]" : names.toString();
  }

  static String store(String file, String password) throws Exception {
    KeyStore store = open(file, password);
    String alias = store.aliases().nextElement();
    return store.size() + " entry: " + alias + ", key " + store.getKey(alias, password.toCharArray()).getAlgorithm()
        + ", chain of " + store.getCertificateChain(alias).length;
  }

  static KeyStore open(String file, String password) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = new FileInputStream(file)) {
      store.load(in, password.toCharArray());
    }
    return store;
  }

  static String request(String port, String root, KeyStore identity, String[] words) throws Exception {
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("root", certificates(root).get(0));
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(trusted);
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(identity, identity == null ? null : words[4].toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    HttpsURLConnection connection = (HttpsURLConnection) new URL("https://localhost:" + port + "/").openConnection();
    connection.setSSLSocketFactory(context.getSocketFactory());
    try {
      return connection.getResponseCode() + " " + connection.getHeaderField("x-client");
    } finally {
      connection.disconnect();
    }
  }

  static List<X509Certificate> certificates(String file) throws Exception {
    List<X509Certificate> found = new ArrayList<>();
    try (InputStream in = Files.newInputStream(Path.of(file))) {
      for (Certificate each : CertificateFactory.getInstance("X.509").generateCertificates(in)) found.add((X509Certificate) each);
    }
    return found;
  }
}
