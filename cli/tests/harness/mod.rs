//! A whole `concord up` in a process of its own, driven over HTTP as people and operators do.

#![expect(dead_code, reason = "each test binary uses its own half")]
#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a first sync may take: that of 15,000 records waits for HubSpot's limit of 100 calls in ten seconds.
const READY_MAX: Duration = Duration::from_secs(3_600);
/// How long anything else may take on a busy machine before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Concord {
    command: &'static str,
    child: Child,
    data: PathBuf,
    args: Vec<String>,
    endpoints: Value,
    http: reqwest::Client,
}

impl Drop for Concord {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}

/// The sample contract, with this brake for contacts, in a file of its own.
pub(crate) fn contract_with_brake(name: &str, brake: &str) -> PathBuf {
    let guard = "    guard: strict\n";
    contract_with(name, &[(guard, &format!("{guard}    brake: {brake}\n"))])
}

/// The sample contract, in which the first of each of these is another.
pub(crate) fn contract_with(name: &str, changes: &[(&str, &str)]) -> PathBuf {
    let mut yaml =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/contract.yaml")).unwrap();
    for (before, after) in changes {
        assert!(yaml.contains(before), "{before}");
        yaml = yaml.replacen(before, after, 1);
    }
    let file = std::env::temp_dir().join(format!("concord-{}-{name}.yaml", std::process::id()));
    std::fs::write(&file, yaml).unwrap();
    file
}

fn spawn(command: &str, data: &Path, args: &[String]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_concord"))
        .args([command, "--port-base", "0", "--data"])
        .arg(data)
        .args(args)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

impl Concord {
    /// Starts with empty sandboxes.
    pub(crate) async fn up(name: &str) -> Self {
        Self::up_with(name, &["--records", "0"]).await
    }

    pub(crate) async fn up_with(name: &str, args: &[&str]) -> Self {
        Self::run("up", name, args).await
    }

    /// Starts only the two sandboxes, which are empty.
    pub(crate) async fn sandboxes(name: &str) -> Self {
        Self::run("sandbox", name, &[]).await
    }

    async fn run(command: &'static str, name: &str, args: &[&str]) -> Self {
        let data = std::env::temp_dir().join(format!("concord-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&data);
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let child = spawn(command, &data, &args);
        let mut concord =
            Self { command, child, data, args, endpoints: Value::Null, http: reqwest::Client::new() };
        concord.wait_ready().await;
        concord
    }

    async fn wait_ready(&mut self) {
        let file = self.data.join("endpoints.json");
        let until = Instant::now() + READY_MAX;
        while !file.exists() {
            assert!(Instant::now() < until, "concord up is not ready; see {}", self.data.display());
            assert!(self.child.try_wait().unwrap().is_none(), "concord up has ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.endpoints = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    }

    /// No warning, no flush, no goodbye.
    pub(crate) fn kill_9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        // What a clean stop would have removed.
        let _ = std::fs::remove_file(self.data.join("endpoints.json"));
    }

    /// Starts this command on the same directory.
    pub(crate) async fn start(&mut self, command: &'static str) {
        self.command = command;
        self.restart().await;
    }

    pub(crate) async fn restart(&mut self) {
        self.child = spawn(self.command, &self.data, &self.args);
        self.wait_ready().await;
    }

    pub(crate) fn url(&self, name: &str) -> &str {
        self.endpoints[name].as_str().unwrap()
    }

    pub(crate) fn secret(&self) -> &str {
        self.url("webhook_secret")
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Runs the command itself against this directory; its exit code and what it printed.
    pub(crate) fn command(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_concord"))
            .args(args)
            .arg("--data")
            .arg(&self.data)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }

    /// Waits until nothing is in flight, and says how things stand then.
    pub(crate) fn quiet(&self, seconds: u64) -> Value {
        let (code, printed) = self.command(&["status", "--json", "--wait-quiet", &seconds.to_string()]);
        let status: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(code, Some(0), "not quiet after {seconds} s: {status:#}; see {}", self.data.display());
        status
    }

    async fn call(&self, method: &str, url: String, body: Option<&Value>) -> Value {
        let mut request = self.http.request(method.parse().unwrap(), &url);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{method} {url}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub(crate) async fn hubspot(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        self.call(method, format!("{}/__sandbox/ui{path}", self.url("hubspot")), body).await
    }

    pub(crate) async fn salesforce(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        self.call(method, format!("{}/__sandbox/ui/services{path}", self.url("salesforce")), body).await
    }

    pub(crate) async fn sandbox(&self, side: &str, method: &str, path: &str, body: Option<&Value>) -> Value {
        self.call(method, format!("{}/__sandbox/{path}", self.url(side)), body).await
    }

    /// Adds a fault rule to one sandbox.
    pub(crate) async fn fault(&self, side: &str, rule: &Value) {
        self.sandbox(side, "POST", "faults", Some(rule)).await;
    }

    /// Records that Concord has written to both CRMs, refused ones included.
    pub(crate) async fn writes(&self) -> u64 {
        let mut writes = 0;
        for side in ["hubspot", "salesforce"] {
            writes += self.sandbox(side, "GET", "calls", None).await["writes"].as_u64().unwrap();
        }
        writes
    }

    pub(crate) async fn hubspot_creates(&self, properties: &Value) -> String {
        let body = json!({ "properties": properties });
        let made = self.hubspot("POST", "/crm/v3/objects/contacts", Some(&body)).await;
        made["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn hubspot_edits(&self, id: &str, properties: &Value) {
        let body = json!({ "properties": properties });
        self.hubspot("PATCH", &format!("/crm/v3/objects/contacts/{id}"), Some(&body)).await;
    }

    pub(crate) async fn hubspot_shows(&self, id: &str, properties: &[&str]) -> Value {
        let path = format!("/crm/v3/objects/contacts/{id}?properties={}", properties.join(","));
        let shown = self.hubspot("GET", &path, None).await;
        properties.iter().map(|name| ((*name).to_owned(), shown["properties"][*name].clone())).collect()
    }

    pub(crate) async fn salesforce_creates(&self, fields: &Value) -> String {
        let made = self.salesforce("POST", "/data/v66.0/sobjects/Contact/", Some(fields)).await;
        made["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn salesforce_edits(&self, id: &str, fields: &Value) {
        self.salesforce("PATCH", &format!("/data/v66.0/sobjects/Contact/{id}"), Some(fields)).await;
    }

    pub(crate) async fn salesforce_deletes(&self, id: &str) {
        self.salesforce("DELETE", &format!("/data/v66.0/sobjects/Contact/{id}"), None).await;
    }

    pub(crate) async fn salesforce_undeletes(&self, id: &str) {
        self.salesforce_soap(&format!("<urn:undelete><urn:ids>{id}</urn:ids></urn:undelete>")).await;
    }

    /// What only Salesforce's SOAP API does.
    pub(crate) async fn salesforce_soap(&self, operation: &str) {
        let envelope = format!(
            r#"<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:partner.soap.sforce.com"><soapenv:Body>{operation}</soapenv:Body></soapenv:Envelope>"#
        );
        let url = format!("{}/__sandbox/ui/services/Soap/u/66.0", self.url("salesforce"));
        let request = self.http.post(&url).header("content-type", "text/xml").header("soapaction", "\"\"");
        let answer = request.body(envelope).send().await.unwrap().text().await.unwrap();
        assert!(answer.contains("<success>true</success>"), "{answer}");
    }

    pub(crate) async fn salesforce_shows(&self, id: &str, fields: &[&str]) -> Value {
        let path = format!("/data/v66.0/sobjects/Contact/{id}?fields={}", fields.join(","));
        let shown = self.salesforce("GET", &path, None).await;
        fields.iter().map(|name| ((*name).to_owned(), shown[*name].clone())).collect()
    }

    /// The living contacts of Salesforce that match, by id.
    pub(crate) async fn salesforce_finds(&self, condition: &str) -> Vec<String> {
        let soql = format!("SELECT Id FROM Contact WHERE {condition} ORDER BY Id").replace(' ', "+");
        let found = self.salesforce("GET", &format!("/data/v66.0/query?q={soql}"), None).await;
        let rows = found["records"].as_array().unwrap();
        rows.iter().map(|row| row["Id"].as_str().unwrap().to_owned()).collect()
    }

    /// Every living record of a type, as the checkers see it: id and current values.
    pub(crate) async fn truth(&self, side: &str, object: &str) -> Vec<(String, Value)> {
        let truth = self.sandbox(side, "GET", "truth", None).await;
        let (values, gone) = match side {
            "hubspot" => ("properties", "archived"),
            _ => ("fields", "is_deleted"),
        };
        let records = truth["records"][object].as_object().cloned().unwrap_or_default();
        let living = records.into_iter().filter(|(_, record)| record[gone] != json!(true));
        living.map(|(id, record)| (id, record[values].clone())).collect()
    }
}
