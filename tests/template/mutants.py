"""Copies of the template broken on purpose. A rule that no mutant trips would prove nothing."""

from copy import deepcopy


def mutants(template):
    """Yields the rule that must refuse the copy, what was broken, and the copy."""
    for rule, breaks in BREAKS.items():
        for what, change in breaks.items():
            broken = deepcopy(template)
            change(Broken(broken))
            yield rule, what, broken


class Broken:
    """The copy that is being broken; each change says what to do to it."""

    def __init__(self, template):
        self.resources = template["Resources"]
        self.globals = template["Globals"]["Function"]

    def of(self, name):
        return self.resources[name]["Properties"]

    def event(self, function, event):
        return self.of(function)["Events"][event]["Properties"]

    def statement(self, role, sid):
        statements = self.of(role)["Policies"][0]["PolicyDocument"]["Statement"]
        return next(statement for statement in statements if statement["Sid"] == sid)


def put(name, key, value):
    return lambda broken: broken.of(name).update({key: value})


def drop(name, key):
    return lambda broken: broken.of(name).pop(key)


def event(function, name, key, value):
    return lambda broken: broken.event(function, name).update({key: value})


def right(role, sid, key, value):
    return lambda broken: broken.statement(role, sid).update({key: value})


def direct_rule(broken):
    """Salesforce's events straight into the queue."""
    target = broken.of("RelayRule")["Targets"][0]
    target["Arn"] = {"Fn::GetAtt": ["HintsQueue", "Arn"]}


def broken_dashboard(broken):
    body = broken.of("Dashboard")["DashboardBody"]
    body["Fn::Sub"] = body["Fn::Sub"].replace('"widgets":', '"widgets"', 1)


def widget_of_nothing(broken):
    body = broken.of("Dashboard")["DashboardBody"]
    body["Fn::Sub"] = body["Fn::Sub"].replace("${HintsQueue.QueueName}", "hints.fifo", 1)


def shared_role(broken):
    broken.of("WriteFunction")["Role"] = {"Fn::GetAtt": ["FetchRole", "Arn"]}


def nowhere_to_leave(broken):
    del broken.event("ReconcileFunction", "Poll")["DeadLetterConfig"]


def rule_not_let_in(broken):
    del broken.of("RelayDlqPolicy")["PolicyDocument"]["Statement"][1]


def open_index(key, value):
    return lambda broken: broken.of("StateTable")["GlobalSecondaryIndexes"][0].update({key: value})


def variable(change):
    return lambda broken: change(broken.globals["Environment"]["Variables"])


BREAKS = {
    "a_fifo_source_takes_no_batching_window": {
        "a window": event("FetchFunction", "Hints", "MaximumBatchingWindowInSeconds", 5),
    },
    "a_fifo_queue_is_named_so": {
        "no suffix": put("HintsDlq", "QueueName", {"Fn::Sub": "${AWS::StackName}-hints-dlq"}),
    },
    "throughput_per_group_goes_with_deduplication_per_group": {
        "scope of the queue": put("IntentsQueue", "DeduplicationScope", "queue"),
        "limit of the queue": put("HintsQueue", "FifoThroughputLimit", "perQueue"),
    },
    "a_message_stays_hidden_for_six_timeouts": {
        "shown too early": put("HintsQueue", "VisibilityTimeout", 359),
        "a longer timeout": put("WriteFunction", "Timeout", 61),
        "the default": drop("IntentsQueue", "VisibilityTimeout"),
    },
    "a_source_is_bounded_in_one_way": {
        "both ways": event("WriteFunction", "Intents", "ProvisionedPollerConfig", {"MinimumPollers": 2}),
    },
    "a_rate_agrees_with_its_number": {
        "plural wanted": event("ReconcileFunction", "Repair", "ScheduleExpression", "rate(5 minute)"),
        "singular wanted": event("ReconcileFunction", "Poll", "ScheduleExpression", "rate(1 minutes)"),
    },
    "a_rule_to_a_fifo_queue_names_a_group": {"no group": direct_rule},
    "a_dashboard_is_json": {"a lost colon": broken_dashboard},
    "a_source_queue_gives_up_into_a_fifo_queue": {
        "no redrive": drop("HintsQueue", "RedrivePolicy"),
        "a standard queue": put("IntentsQueue", "RedrivePolicy",
                                {"deadLetterTargetArn": {"Fn::GetAtt": ["ScheduleDlq", "Arn"]}, "maxReceiveCount": 10}),
    },
    "a_source_reports_partial_batches": {
        "whole batches": lambda broken: broken.event("FetchFunction", "Hints").pop("FunctionResponseTypes"),
    },
    "a_queue_is_encrypted_and_refuses_plain_http": {
        "in the clear at rest": drop("HintsQueue", "SqsManagedSseEnabled"),
        "in the clear on the wire": lambda broken: broken.resources.pop("IntentsQueuePolicy"),
        "a policy for another queue": put("HintsQueuePolicy", "Queues", [{"Ref": "IntentsQueue"}]),
    },
    "what_cannot_be_delivered_is_kept": {
        "a tick is lost": nowhere_to_leave,
        "a FIFO queue for ticks": event("ReconcileFunction", "Sweep", "DeadLetterConfig",
                                        {"Arn": {"Fn::GetAtt": ["HintsDlq", "Arn"]}}),
    },
    "who_leaves_the_undelivered_may_do_so": {
        "the rule": rule_not_let_in,
        "the schedule": right("ScheduleRole", "Undelivered", "Action", "sqs:ReceiveMessage"),
        "the start": right("ScheduleRole", "Tick", "Resource", {"Fn::GetAtt": ["FetchFunction", "Arn"]}),
        "the function": right("WebhookRole", "Undelivered", "Resource", {"Fn::GetAtt": ["ScheduleDlq", "Arn"]}),
    },
    "a_function_is_bounded": {
        "no flood limit": drop("WebhookFunction", "ReservedConcurrentExecutions"),
        "an unbounded source": lambda broken: broken.event("WriteFunction", "Intents").pop("ScalingConfig"),
        "reserved beside a source": put("FetchFunction", "ReservedConcurrentExecutions", 1),
    },
    "a_function_logs_where_logs_are_forgotten": {
        "for ever": drop("FetchLogGroup", "RetentionInDays"),
        "no group": drop("WriteFunction", "LoggingConfig"),
        "metrics filtered out": lambda broken: broken.globals["LoggingConfig"].update(ApplicationLogLevel="WARN"),
    },
    "a_changed_parameter_reaches_the_function": {
        "an alias": put("WebhookFunction", "AutoPublishAlias", "live"),
    },
    "the_functions_that_work_in_a_circle_may_go_on": {
        "cut after 16 hops": drop("WriteFunction", "RecursiveLoop"),
        "leave for one outside": put("ReconcileFunction", "RecursiveLoop", "Allow"),
    },
    "the_environment_is_what_the_code_reads": {
        "one missing": variable(lambda given: given.pop("CONCORD_SHARDS")),
        "one misspelt": variable(lambda given: given.update(CONCORD_SHARD=8)),
    },
    "every_task_that_reconcile_knows_is_scheduled_and_no_other": {
        "unknown": event("ReconcileFunction", "Poll", "Input", '{"task":"polish"}'),
        "not JSON": event("ReconcileFunction", "Poll", "Input", "poll"),
        "never": lambda broken: broken.of("ReconcileFunction")["Events"].pop("Sweep"),
    },
    "a_function_has_a_role_of_its_own": {
        "shared": shared_role,
        "managed": put("FetchRole", "ManagedPolicyArns", ["arn:aws:iam::aws:policy/AWSLambdaExecute"]),
    },
    "a_right_names_its_action_and_its_resource": {
        "every action": right("FetchRole", "Commit", "Action", ["dynamodb:*"]),
        "every resource": right("WebhookRole", "Hint", "Resource", "*"),
        "every index": right("ReconcileRole", "ListUnsent", "Resource", {"Fn::Sub": "${StateTable.Arn}/index/*"}),
    },
    "a_right_to_a_table_is_one_that_the_code_uses": {
        "an unused right": right("FetchRole", "Explain", "Action", ["dynamodb:PutItem", "dynamodb:BatchWriteItem"]),
    },
    "a_function_may_do_its_work_and_nothing_else": {
        "a second path to a write": right("ReconcileRole", "Hint", "Resource", {"Fn::GetAtt": ["IntentsQueue", "Arn"]}),
        "cannot wait": right("FetchRole", "Receive", "Action", ["sqs:ReceiveMessage", "sqs:DeleteMessage"]),
        "cannot log": right("WriteRole", "Log", "Resource", {"Fn::GetAtt": ["FetchLogGroup", "Arn"]}),
        "cannot log in": right("WriteRole", "ReadSecret", "Action", "secretsmanager:DescribeSecret"),
    },
    "keys_indexes_and_ttl_are_the_codes": {
        "another TTL": put("JournalTable", "TimeToLiveSpecification", {"AttributeName": "expires", "Enabled": True}),
        "no TTL": put("IdempotencyTable", "TimeToLiveSpecification", {"AttributeName": "expires_at", "Enabled": False}),
        "another index": open_index("IndexName", "opened"),
        "another projection": open_index("Projection", {"ProjectionType": "ALL"}),
        "another key": put("JournalTable", "KeySchema", [{"AttributeName": "link", "KeyType": "HASH"}]),
    },
    "what_cannot_be_read_again_is_kept_safe": {
        "no way back": drop("StateTable", "PointInTimeRecoverySpecification"),
        "deletable": put("JournalTable", "DeletionProtectionEnabled", False),
        "gone with the stack": lambda broken: broken.resources["StateTable"].pop("DeletionPolicy"),
        "in the clear": drop("IdempotencyTable", "SSESpecification"),
    },
    "an_alarm_watches_something_that_is_there": {
        "a name by hand": put("HintsAgeAlarm", "Dimensions", [{"Name": "QueueName", "Value": "concord-hints.fifo"}]),
        "a wrong attribute": put("HintsAgeAlarm", "Dimensions",
                                 [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["HintsQueue", "Arn"]}}]),
        "another namespace": put("DriftAlarm", "Namespace", "Accord"),
        "an unknown metric": put("DriftAlarm", "MetricName", "Drifted"),
        "another service": put("ParkedAlarm", "Dimensions", [{"Name": "service", "Value": "concord-fetch"}]),
    },
    "a_widget_shows_something_that_is_there": {"a name by hand": widget_of_nothing},
    "every_dead_letter_queue_and_function_has_an_alarm": {
        "a silent queue": lambda broken: broken.resources.pop("RelayDlqDepthAlarm"),
        "a silent function": lambda broken: broken.resources.pop("WriteErrorsAlarm"),
        "a silent backlog": lambda broken: broken.resources.pop("IntentsAgeAlarm"),
    },
    "an_alarm_reaches_the_topic_if_there_is_one": {
        "nobody is told": drop("WebhookErrorsAlarm", "AlarmActions"),
    },
}
