import java.io.FileInputStream;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.ProxySelector;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Prints the bodies of URLs: java Get AUTHORITY url|client|post URL... AUTHORITY is the file of a certificate. */
class Get {
  static SSLContext context(String authority) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream file = new FileInputStream(authority)) {
      store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  static byte[] byUrlConnection(SSLContext context, String url) throws Exception {
    HttpURLConnection connection = (HttpURLConnection) new URL(url).openConnection();
    if (connection instanceof HttpsURLConnection) ((HttpsURLConnection) connection).setSSLSocketFactory(context.getSocketFactory());
    try (InputStream body = connection.getInputStream()) {
      return body.readAllBytes();
    }
  }

  static byte[] byClient(HttpClient client, HttpRequest.Builder request) throws Exception {
    HttpResponse<byte[]> response = client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    if (response.statusCode() != 200) throw new Exception("status " + response.statusCode());
    System.err.println(response.version());
    return response.body();
  }

  public static void main(String[] arguments) throws Exception {
    SSLContext context = context(arguments[0]);
    HttpClient client = HttpClient.newBuilder().proxy(ProxySelector.getDefault()).sslContext(context).build();
    for (int i = 2; i < arguments.length; ++i) {
      HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(arguments[i]));
      if (arguments[1].equals("post")) request.POST(HttpRequest.BodyPublishers.ofInputStream(() -> System.in));
      System.out.write(arguments[1].equals("url") ? byUrlConnection(context, arguments[i]) : byClient(client, request));
    }
    System.out.flush();
  }
}
